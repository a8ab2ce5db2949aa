package vendor.mtty;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Replays the transcripts of the kernel's sample on our device: every difference needs a name and a reason. */
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
