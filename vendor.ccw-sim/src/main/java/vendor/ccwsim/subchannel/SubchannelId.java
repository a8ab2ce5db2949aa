package vendor.ccwsim.subchannel;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code struct subchannel_id}.
 *
 * @param cssid the channel subsystem, 0 to 0xff
 * @param ssid the subchannel set, 0 to 3
 * @param schNo the subchannel, 0 to 0xffff
 */
public record SubchannelId(int cssid, int ssid, int schNo) {
    private static final Pattern NAME = Pattern.compile("(0|[1-9a-f][0-9a-f]?)\\.([0-3])\\.([0-9a-f]{4})");

    /** Parses the name of a css device, for example {@code 0.0.0042}. */
    public static Optional<SubchannelId> parse(String name) {
        Matcher matcher = NAME.matcher(name);
        return matcher.matches()
                ? Optional.of(new SubchannelId(number(matcher, 1), number(matcher, 2), number(matcher, 3)))
                : Optional.empty();
    }

    private static int number(Matcher matcher, int group) {
        return Integer.parseInt(matcher.group(group), 16);
    }

    /** The name of the css device. */
    @Override
    public String toString() {
        return "%x.%x.%04x".formatted(cssid, ssid, schNo);
    }
}
