package itests.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import itests.Mdev;
import itests.PackedBundle;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Measures everything, or what {@code -Dbench=NAME,...} selects, and writes {@code target/bench.md}. Not part of
 * {@code verify} without its profile. Fails if something cannot be measured, not if it is slow.
 */
final class SuiteBench {
    @Test
    void measure(@TempDir Path temp) throws Exception {
        Effort effort = new Effort(System.getProperty("bench.short") != null);
        Path bundle = PackedBundle.build("itests.bench", "itests.bench.inside", temp);
        List<Subject> chosen = chosen(subjects(new Programs(temp), bundle, temp));
        StartSubject.trainCache();
        Report report = new Report(Mdev.here().home().resolve("target/bench.md"), effort.small());
        for (Subject subject : chosen) {
            long begun = System.nanoTime();
            subject.measure(report, effort);
            System.out.printf("%s: %d s%n", subject.name(), (System.nanoTime() - begun) / 1_000_000_000);
        }
        assertEquals(List.of(), report.end(), "what could not be measured");
    }

    /** In the order of the report. */
    private static List<Subject> subjects(Programs programs, Path bundle, Path temp) {
        Clients clients = new Clients(programs, bundle, temp);
        return List.of(
                new ReadSubject(clients),
                new RateSubject(clients),
                new PostedSubject(clients),
                new RegionSubject(bundle),
                new InterruptSubject(clients),
                new DmaSubject(bundle),
                new DevicesSubject(bundle),
                new MountSubject(programs, bundle, temp),
                new ListingSubject(bundle, temp),
                new EngineSubject(bundle),
                new UpdateSubject(bundle),
                new MemorySubject(bundle),
                new StartSubject(temp),
                new GuestSubject(temp));
    }

    private static List<Subject> chosen(List<Subject> all) {
        String names = System.getProperty("bench", "");
        if (names.isEmpty() || names.equals("true")) { // -Dbench alone
            return all;
        }
        Set<String> unknown = Stream.of(names.split(",")).collect(Collectors.toCollection(TreeSet::new));
        List<Subject> chosen =
                all.stream().filter(subject -> unknown.remove(subject.name())).toList();
        assertEquals(
                Set.of(),
                unknown,
                () -> "-Dbench= knows " + all.stream().map(Subject::name).toList());
        return chosen;
    }
}
