package itests.bench;

import java.util.Locale;

/**
 * How a quantity is printed.
 *
 * @param scale by which a measured value is multiplied
 */
record Unit(String name, double scale) {
    static final Unit MICROSECONDS = new Unit("us", 1e-3);
    static final Unit NANOSECONDS = new Unit("ns", 1);
    static final Unit MILLISECONDS = new Unit("ms", 1e-6);
    static final Unit SECONDS = new Unit("s", 1e-9);
    static final Unit PER_SECOND = new Unit("/s", 1);
    static final Unit MILLIONS_PER_SECOND = new Unit("million/s", 1e-6);
    static final Unit GIGABYTES_PER_SECOND = new Unit("GB/s", 1e-9);
    static final Unit BYTES = new Unit("bytes", 1);
    static final Unit MEGABYTES = new Unit("MB", 1e-6);
    static final Unit KIBIBYTES = new Unit("KiB", 1 / 1024.0);
    static final Unit PERCENT = new Unit("%", 1);
    static final Unit NUMBER = new Unit("", 1);

    String text(double value) {
        return (number(value * scale) + " " + name).strip();
    }

    /** Three significant digits, or all digits of a large number. */
    static String number(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%,.0f", value);
    }
}
