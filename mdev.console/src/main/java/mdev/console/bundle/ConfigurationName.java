package mdev.console.bundle;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a file configures: {@code PID.cfg}, or one of the instances of a component, {@code PID-NAME.cfg} or
 * {@code PID~NAME.cfg}.
 *
 * @param name empty without one
 */
public record ConfigurationName(String pid, String name) {
    /** The first hyphen separates, as for File Install, or the first tilde, as for Configuration Admin. */
    private static final Pattern FILE = Pattern.compile("([^-~]+)[-~](.+)");

    /**
     * Empty if that cannot be said before the PID is known.
     *
     * @param file its name, without {@code .cfg}
     * @param known the PIDs, with whether they have instances: if not, a file with a name is a copy
     */
    static Optional<ConfigurationName> of(String file, Map<String, Boolean> known) {
        Matcher parts = FILE.matcher(file);
        if (known.containsKey(file) || !parts.matches()) {
            return Optional.of(new ConfigurationName(file, ""));
        }
        String pid = parts.group(1);
        return Optional.ofNullable(known.get(pid))
                .map(instances -> new ConfigurationName(pid, instances ? parts.group(2) : ""));
    }

    /** The PID of a file with that name, if it is not the PID itself. */
    public static String pid(String file) {
        Matcher parts = FILE.matcher(file);
        return parts.matches() ? parts.group(1) : file;
    }

    /** As Configuration Admin names it. */
    @Override
    public String toString() {
        return name.isEmpty() ? pid : pid + "~" + name;
    }
}
