package mdev.core.uevent;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/**
 * A request written to a {@code uevent} file: {@code ACTION [UUID [KEY=VALUE ...]]} ({@code kobject_synth_uevent()}).
 *
 * @param action one of the kernel's actions
 * @param more SYNTH_UUID and SYNTH_ARG_*
 */
public record SyntheticUevent(String action, Map<String, String> more) {
    private static final String ACTIONS = "add|remove|change|move|online|offline|bind|unbind";
    private static final Pattern FORM = Pattern.compile("(?<action>" + ACTIONS
            + ")(?: (?<uuid>\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12})"
            + "(?<pairs>(?: \\p{Alnum}+=\\p{Alnum}+)*))?");
    private static final Pattern PAIR = Pattern.compile(" (\\p{Alnum}+)=(\\p{Alnum}+)");

    /** @throws ErrnoException EINVAL: the value has another form */
    public static SyntheticUevent parse(String value) throws ErrnoException {
        // One trailing newline or NUL is ignored.
        String text = value.endsWith("\n") || value.endsWith("\0") ? value.substring(0, value.length() - 1) : value;
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    "expected ACTION [UUID [KEY=VALUE ...]] with ACTION one of " + ACTIONS.replace("|", ", "));
        }
        Map<String, String> more = new LinkedHashMap<>();
        String uuid = form.group("uuid");
        more.put("SYNTH_UUID", uuid == null ? "0" : uuid);
        if (uuid != null) {
            Matcher pair = PAIR.matcher(form.group("pairs"));
            while (pair.find()) {
                more.put("SYNTH_ARG_" + pair.group(1), pair.group(2));
            }
        }
        return new SyntheticUevent(form.group("action"), more);
    }
}
