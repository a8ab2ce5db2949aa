package vendor.mtty;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The transcripts of the kernel's sample, played to our device: what differs has a name and a reason, or fails. */
class GoldenTest {
    @ParameterizedTest
    @ValueSource(strings = {"uart-mtty-2", "config-space-mtty-2", "info-mtty-2"})
    void answersAsTheSampleDoes(String name) throws IOException, ErrnoException {
        var deviations = Deviations.load(name + ".deviations");
        var replay = new GoldenReplay(deviations);
        for (GoldenLine line : GoldenLine.load(name + ".jsonl")) {
            replay.play(line);
        }
        assertEquals("", String.join("\n", deviations.complaints()));
    }
}
