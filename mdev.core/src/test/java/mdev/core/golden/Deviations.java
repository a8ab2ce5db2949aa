package mdev.core.golden;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** Our deliberate deviations from the kernel's replies: each has a name and a reason, and must occur. */
public final class Deviations {
    /**
     * One deviation.
     *
     * @param name for reports
     * @param reason the reason for the difference
     * @param at selects the lines to which it applies
     * @param instead our reply there, in the notation of the replay; empty: no such reply
     */
    public record Deviation(String name, String reason, Predicate<GoldenLine> at, String instead) {}

    private final List<Deviation> all = new ArrayList<>();
    private final Set<String> met = new LinkedHashSet<>();

    public Deviations add(String name, String reason, Predicate<GoldenLine> at, String instead) {
        all.add(new Deviation(name, reason, at, instead));
        return this;
    }

    /** The deviation that applies to a line. */
    public Optional<Deviation> at(GoldenLine line) {
        Optional<Deviation> found =
                all.stream().filter(deviation -> deviation.at().test(line)).findFirst();
        found.ifPresent(deviation -> met.add(deviation.name()));
        return found;
    }

    /** The names of the deviations that applied to no line: there must be none. */
    public List<String> unmet() {
        return all.stream()
                .map(Deviation::name)
                .filter(name -> !met.contains(name))
                .toList();
    }
}
