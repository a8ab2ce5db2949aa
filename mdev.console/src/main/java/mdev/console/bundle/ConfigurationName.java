package mdev.console.bundle;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The subject of a file: a component, {@code PID.cfg}, or one of its instances, {@code PID-NAME.cfg} or {@code
 * PID~NAME.cfg}.
 *
 * @param name the name of the instance; empty if there is none
 */
public record ConfigurationName(String pid, String name) {
    /** The first hyphen separates, as for File Install, or the first tilde, as for Configuration Admin. */
    private static final Pattern FILE = Pattern.compile("([^-~]+)[-~](.+)");

    /**
     * Empty if it cannot be determined before the PID is known.
     *
     * @param file its name, without {@code .cfg}
     * @param known the PIDs and whether they have instances; otherwise a file with a name is a copy
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

    /** The PID of a file with that name, unless the whole name is the PID. */
    public static String pid(String file) {
        Matcher parts = FILE.matcher(file);
        return parts.matches() ? parts.group(1) : file;
    }

    /** The name in Configuration Admin. */
    @Override
    public String toString() {
        return name.isEmpty() ? pid : pid + "~" + name;
    }
}
