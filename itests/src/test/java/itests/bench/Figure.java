package itests.bench;

import java.util.Comparator;
import java.util.List;

/**
 * What a row of the report is about.
 *
 * @param beside the name of what it is compared with; empty for nothing
 */
record Figure(String name, Unit unit, String beside, Target target) {
    static Figure alone(String name, Unit unit, Target target) {
        return new Figure(name, unit, "", target);
    }

    /**
     * The row of a measured figure.
     *
     * @param judged whether it says that the target is met
     */
    String row(Rounds rounds, boolean judged) {
        double median = Rounds.median(rounds.ours());
        boolean compared = !rounds.beside().isEmpty();
        List<Double> ratios = rounds.ratios();
        double ratio = compared ? Rounds.median(ratios) : 0;
        String measuredBeside = compared ? beside + ": " + unit.text(Rounds.median(rounds.beside())) : "";
        return row(
                unit.text(median),
                measuredBeside,
                compared ? Unit.number(ratio) : "",
                compared ? spread(ratios, 1) : spread(rounds.ours(), unit.scale()),
                judged ? target.met(target.ofRatio() ? ratio : median) : "");
    }

    /** The row of a figure that cannot be measured here. */
    String row(String reason) {
        return row(reason, beside, "", "", "");
    }

    private String row(String measured, String besides, String ratio, String spread, String met) {
        return "| " + String.join(" | ", name, measured, besides, ratio, spread, target.text(unit), met) + " |";
    }

    private static String spread(List<Double> values, double scale) {
        return Unit.number(values.stream().min(Comparator.naturalOrder()).orElseThrow() * scale) + " to "
                + Unit.number(values.stream().max(Comparator.naturalOrder()).orElseThrow() * scale);
    }
}
