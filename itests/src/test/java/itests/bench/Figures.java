package itests.bench;

import java.util.List;
import java.util.Locale;

/** A quantity measured several times. */
record Figures(List<Double> values) {
    Figures {
        values = values.stream().sorted().toList();
    }

    double median() {
        int middle = values.size() / 2;
        return values.size() % 2 == 1 ? values.get(middle) : (values.get(middle - 1) + values.get(middle)) / 2;
    }

    /** A row of a Markdown table. */
    String row(String what, String unit, double scale) {
        return String.format(
                Locale.ROOT,
                "| %s | %s | %s | %s | %d |",
                what,
                number(median() * scale) + " " + unit,
                number(values.getFirst() * scale),
                number(values.getLast() * scale),
                values.size());
    }

    /** Three significant digits, or all digits of a large number. */
    static String number(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%,.0f", value);
    }
}
