package mdev.fuse.session;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The thread that made a request, as {@code /proc} shows it while it waits for the answer.
 *
 * @param id its thread id; 0 when it is in a PID namespace that this process does not see
 * @param proc the directory {@code /proc}
 */
record CallingThread(int id, Path proc) {
    /** HUP, INT, QUIT, TERM: they ask a program to end. A shell, whose {@code echo} is a builtin, handles Ctrl-C. */
    private static final long ENDING = bit(1) | bit(2) | bit(3) | bit(15);

    private static final long KILL = bit(9);

    /** CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH: without a handler they do not kill. */
    private static final long HARMLESS = bit(17) | bit(18) | bit(19) | bit(20) | bit(21) | bit(22) | bit(23) | bit(28);

    private static final int HEX = 16;

    CallingThread(int id) {
        this(id, Path.of("/proc"));
    }

    private static long bit(int signal) {
        return 1L << (signal - 1);
    }

    /**
     * Whether a pending signal will kill the process or asks it to end: then it must not wait for its answer. Also true
     * when that is unknown, so that no process becomes unkillable.
     */
    boolean isEnding() {
        try {
            Map<String, String> status = status();
            long caught = mask(status, "SigCgt");
            long pending = (mask(status, "SigPnd") | mask(status, "ShdPnd"))
                    & ~mask(status, "SigBlk")
                    & ~mask(status, "SigIgn");
            long deadly = pending & ~caught & ~HARMLESS;
            return (deadly | (pending & (ENDING | KILL))) != 0;
        } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
            return true;
        }
    }

    /** For the log: {@code bash[4711]}. */
    String describe() {
        try {
            String process = field(status(), "Tgid");
            String name = Files.readString(proc.resolve(process).resolve("comm"), StandardCharsets.ISO_8859_1);
            return name.strip().replaceAll("\\p{Cntrl}", "?") + "[" + process + "]";
        } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
            return "thread " + id;
        }
    }

    private Map<String, String> status() throws IOException {
        Map<String, String> fields = new HashMap<>();
        for (String line :
                Files.readAllLines(proc.resolve(Integer.toString(id)).resolve("status"), StandardCharsets.ISO_8859_1)) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                fields.put(line.substring(0, colon), line.substring(colon + 1).strip());
            }
        }
        return fields;
    }

    private static long mask(Map<String, String> status, String name) {
        return Long.parseUnsignedLong(field(status, name), HEX);
    }

    private static String field(Map<String, String> status, String name) {
        String value = status.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no " + name);
        }
        return value;
    }
}
