package vendor.mtty;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * The answers that differ from the kernel's sample, with reasons. The file has sections of
 *
 * <pre>
 * [name] the reason
 * 12 15-17 val=0x01
 * </pre>
 *
 * <p>which means that our field has this value in these lines of the transcript.
 */
final class Deviations {
    private record Place(int line, String field) {}

    private record Answer(String value, String name) {}

    private final Map<Place, Answer> expected =
            new TreeMap<>(Comparator.comparingInt(Place::line).thenComparing(Place::field));
    private final Set<Place> used = new HashSet<>();
    private final List<String> unexplained = new ArrayList<>();

    static Deviations load(String file) throws IOException {
        var deviations = new Deviations();
        String name = "";
        try (InputStream stream = Objects.requireNonNull(Deviations.class.getResourceAsStream("/golden/" + file));
                var reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (line.startsWith("[")) {
                    name = line.substring(1, line.indexOf(']'));
                } else if (!line.isBlank()) {
                    deviations.add(name, line.strip().split(" +", -1));
                }
            }
        }
        return deviations;
    }

    private void add(String name, String[] words) {
        String[] fieldAndValue = words[words.length - 1].split("=", 2);
        for (int i = 0; i < words.length - 1; i++) {
            String[] range = words[i].split("-", 2);
            for (int line = Integer.parseInt(range[0]); line <= Integer.parseInt(range[range.length - 1]); line++) {
                var before = expected.put(new Place(line, fieldAndValue[0]), new Answer(fieldAndValue[1], name));
                if (before != null) {
                    throw new UncheckedIOException(new IOException("line " + line + " has two reasons"));
                }
            }
        }
    }

    /** Compares our answer with the transcript. */
    void check(GoldenLine line, String field, String ours) {
        if (!line.has(field)) {
            return;
        }
        var place = new Place(line.number(), field);
        var deviation = expected.get(place);
        if (!ours.equals(line.get(field)) || deviation != null) {
            used.add(place);
        }
        String wanted = deviation == null ? line.get(field) : deviation.value();
        if (!ours.equals(wanted)) {
            unexplained.add("%d %s=%s, not %s (%s) %s"
                    .formatted(
                            line.number(),
                            field,
                            ours,
                            wanted,
                            deviation == null ? "golden" : deviation.name(),
                            line.fields()));
        } else if (deviation != null && ours.equals(line.get(field))) {
            unexplained.add(
                    "%d %s=%s is golden: %s is no deviation".formatted(line.number(), field, ours, deviation.name()));
        }
    }

    /** Unexplained differences and unused explanations. */
    List<String> complaints() {
        List<String> complaints = new ArrayList<>(unexplained);
        expected.forEach((place, answer) -> {
            if (!used.contains(place)) {
                complaints.add("%d %s: %s is not used".formatted(place.line(), place.field(), answer.name()));
            }
        });
        return complaints;
    }
}
