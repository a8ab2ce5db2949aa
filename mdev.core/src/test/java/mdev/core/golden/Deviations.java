package mdev.core.golden;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** The places where we deliberately answer otherwise than the kernel did: each has a name and a reason, and must be met. */
public final class Deviations {
    /**
     * One of them.
     *
     * @param name for reports
     * @param reason why we differ
     * @param at the lines it is about
     * @param instead what we answer there, in the words of the replay; empty: nothing of the kind
     */
    public record Deviation(String name, String reason, Predicate<GoldenLine> at, String instead) {}

    private final List<Deviation> all = new ArrayList<>();
    private final Set<String> met = new LinkedHashSet<>();

    public Deviations add(String name, String reason, Predicate<GoldenLine> at, String instead) {
        all.add(new Deviation(name, reason, at, instead));
        return this;
    }

    /** The deviation at a line. */
    public Optional<Deviation> at(GoldenLine line) {
        Optional<Deviation> found =
                all.stream().filter(deviation -> deviation.at().test(line)).findFirst();
        found.ifPresent(deviation -> met.add(deviation.name()));
        return found;
    }

    /** The names of those that no line was about: there must be none. */
    public List<String> unmet() {
        return all.stream()
                .map(Deviation::name)
                .filter(name -> !met.contains(name))
                .toList();
    }
}
