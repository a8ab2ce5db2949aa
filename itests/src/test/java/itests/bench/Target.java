package itests.bench;

import java.util.Locale;

/**
 * What a figure must reach.
 *
 * @param ofRatio whether the ratio to the figure beside it is meant, not the figure itself
 * @param text after the number, for example the unit
 */
record Target(Bound bound, double limit, boolean ofRatio, String text) {
    static final Target NONE = new Target(Bound.NONE, 0, false, "");

    enum Bound {
        AT_MOST("≤"),
        AT_LEAST("≥"),
        NONE("");

        final String sign;

        Bound(String sign) {
            this.sign = sign;
        }
    }

    static Target ratioAtMost(double limit) {
        return new Target(Bound.AT_MOST, limit, true, " ×");
    }

    static Target ratioAtLeast(double limit) {
        return new Target(Bound.AT_LEAST, limit, true, " ×");
    }

    /** @param limit in the figure's unit */
    static Target atMost(double limit, Unit unit) {
        return new Target(Bound.AT_MOST, limit / unit.scale(), false, " " + unit.name());
    }

    static Target atLeast(double limit, Unit unit) {
        return new Target(Bound.AT_LEAST, limit / unit.scale(), false, " " + unit.name());
    }

    /** @param unit of the figure */
    String text(Unit unit) {
        if (bound == Bound.NONE) {
            return "";
        }
        return bound.sign + " "
                + (ofRatio ? String.format(Locale.ROOT, "%.2f", limit) : Unit.number(limit * unit.scale()))
                + text;
    }

    /** Whether the value meets it; empty if anything does. */
    String met(double value) {
        return switch (bound) {
            case AT_MOST -> value <= limit ? "yes" : "**no**";
            case AT_LEAST -> value >= limit ? "yes" : "**no**";
            case NONE -> "";
        };
    }
}
