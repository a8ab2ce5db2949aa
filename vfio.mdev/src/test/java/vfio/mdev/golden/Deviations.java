package vfio.mdev.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vfio.mdev.iommu.Golden;

/** Our deviations from a transcript, and the lines that cannot be replayed: each has a reason and must occur. */
final class Deviations {
    private final Map<String, String> answers = new LinkedHashMap<>();
    private final Set<String> unmet = new LinkedHashSet<>();
    private final List<String> unexplained = new ArrayList<>();
    private int replayed;

    /** @param key the call, as the test describes it */
    Deviations differs(String key, String answer, String reason) {
        answers.put(key, answer);
        unmet.add(key + ": " + reason);
        return this;
    }

    /** @param reason why a group of lines is not replayed */
    Deviations without(String reason) {
        unmet.add(reason);
        return this;
    }

    void skip(String reason, Golden line) {
        if (!unmet.remove(reason) && !met.contains(reason)) {
            unexplained.add("not a reason: " + reason + " for " + line);
        }
        met.add(reason);
    }

    private final Set<String> met = new LinkedHashSet<>();

    void compare(Golden line, String key, String expected, String actual) {
        replayed++;
        String ours = answers.get(key);
        if (ours != null) {
            unmet.removeIf(entry -> entry.startsWith(key + ": "));
        }
        String wanted = ours == null ? expected : ours;
        if (!wanted.equals(actual)) {
            unexplained.add("%s: the kernel returns %s, expected here %s, was %s; %s"
                    .formatted(key, expected, wanted, actual, line));
        }
    }

    /** @param lines how many lines of the file must have been replayed */
    void verify(int lines) {
        assertEquals(List.of(), unexplained, "unexplained differences");
        assertEquals(Set.of(), unmet, "unused reasons");
        assertEquals(lines, replayed, "replayed lines");
    }
}
