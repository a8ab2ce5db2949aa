package mdev.core.sysfs;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/** The kernel's parsing of values written to an attribute. */
public final class Text {
    private static final Pattern UNSIGNED =
            Pattern.compile("\\+?(?:0[xX](?<hex>[0-9a-fA-F]+)|(?<oct>0[0-7]*)|(?<dec>[1-9][0-9]*))\\n?");

    private Text() {}

    /** {@code sysfs_streq()}: equal except for one trailing newline. */
    public static boolean equal(String value, String expected) {
        return name(value).equals(expected);
    }

    /** The text that {@code sysfs_streq()} compares: without one trailing newline. */
    public static String name(String value) {
        String text = cString(value);
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    /**
     * {@code kstrtoul()} with base 0.
     *
     * @return an unsigned number
     * @throws ErrnoException EINVAL
     */
    public static long unsigned(String value) throws ErrnoException {
        Matcher matcher = UNSIGNED.matcher(cString(value));
        if (!matcher.matches()) {
            throw new ErrnoException(Errno.EINVAL, "not a number: expected a decimal, 0x… or 0… number");
        }
        try {
            if (matcher.group("hex") != null) {
                return Long.parseUnsignedLong(matcher.group("hex"), 16);
            }
            return matcher.group("oct") != null
                    ? Long.parseUnsignedLong(matcher.group("oct"), 8)
                    : Long.parseUnsignedLong(matcher.group("dec"));
        } catch (NumberFormatException e) {
            // kstrtoul() returns ERANGE, which remove_store() converts to EINVAL.
            throw new ErrnoException(Errno.EINVAL, "the number is larger than 2^64-1");
        }
    }

    /** The kernel appends a NUL to the bytes; an earlier NUL truncates them. */
    private static String cString(String value) {
        int end = value.indexOf('\0');
        return end < 0 ? value : value.substring(0, end);
    }
}
