package mdev.fuse.session;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which pending signals end the wait of a caller: proc(5) names the masks. */
final class CallingThreadTest {
    @TempDir
    Path proc;

    /** Mask bits: 1 HUP, 2 INT, 4 QUIT, 100 KILL, 2000 ALRM, 4000 TERM, 8000 STKFLT, 10000 CHLD, 8000000 WINCH. */
    @ParameterizedTest
    @CsvSource(textBlock = """
                   0,       0,       0,       0,      0,   false
                   0,    2000,       0,       0,   2000,   false
                   0,    2000,       0,       0,      0,   true
                2000,       0,       0,       0,      0,   true
                   0,   10000,       0,       0,  10000,   false
                   0, 8010000,       0,       0,      0,   false
                   0,   f0000,       0,       0,      0,   false
                   0,    8000,       0,       0,      0,   true
                   0,       2,       0,       0,      2,   true
                   0,       1,       0,       0,      1,   true
                   0,       4,       0,       0,      4,   true
                   0,    4000,       0,       0,   4000,   true
                   0,    4000,    4000,       0,   4000,   false
                   0,    4000,       0,    4000,      0,   false
                 100,       0,       0,       0,      0,   true
                 100,    2000,    2000,       0,   2000,   true
            """)
    void detectsAnEndingSignal(
            String thread, String process, String blocked, String ignored, String caught, boolean ends)
            throws Exception {
        Files.createDirectory(proc.resolve("7"));
        Files.writeString(proc.resolve("7/status"), """
                Name:\ta name
                Tgid:\t5
                SigPnd:\t%s
                ShdPnd:\t%s
                SigBlk:\t%s
                SigIgn:\t%s
                SigCgt:\t%s
                """.formatted(thread, process, blocked, ignored, caught));

        assertEquals(ends, new CallingThread(7, proc).isEnding());
    }

    /** The signals of a thread in another PID namespace are unknown: it must remain killable. */
    @ParameterizedTest
    @CsvSource({"0", "8"})
    void unknownThreadIsEnding(int id) {
        assertEquals(true, new CallingThread(id, proc).isEnding());
    }

    @ParameterizedTest
    @CsvSource({"7, bash[5]", "8, thread 8"})
    void namesTheProcess(int id, String name) throws Exception {
        Files.createDirectory(proc.resolve("5"));
        Files.createDirectory(proc.resolve("7"));
        Files.writeString(proc.resolve("5/comm"), "bash\n");
        Files.writeString(proc.resolve("7/status"), "Tgid:\t5\n");

        assertEquals(name, new CallingThread(id, proc).describe());
    }
}
