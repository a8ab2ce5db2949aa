package mdev.core.golden;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsFile;
import org.jspecify.annotations.Nullable;

/** Replays the reads and writes of a transcript and compares each reply. */
public final class TranscriptReplay {
    private static final String DEVICES = "/sys/bus/mdev/devices";
    private static final Pattern GROUP = Pattern.compile("(\\d) -> (.*)");

    /** The transcript's commands other than file accesses. */
    @FunctionalInterface
    public interface Machine {
        void insmod(String module) throws Exception;
    }

    private final Sysfs sysfs;
    private final Machine machine;
    private final Deviations deviations;
    private final Map<Integer, Runnable> unrecorded = new HashMap<>();
    private final Map<Integer, Callable<String>> begun = new HashMap<>();
    private final List<String> differences = new ArrayList<>();
    private @Nullable SysfsFile open;

    public TranscriptReplay(Sysfs sysfs, Machine machine, Deviations deviations) {
        this.sysfs = sysfs;
        this.machine = machine;
        this.deviations = deviations;
    }

    /** An action before a line that the transcript does not record. */
    public TranscriptReplay before(int line, Runnable step) {
        unrecorded.put(line, step);
        return this;
    }

    /** The reply to a line without its own access: an earlier action ends or is observed here. */
    public TranscriptReplay at(int line, Callable<String> answer) {
        begun.put(line, answer);
        return this;
    }

    /**
     * Replays all lines.
     *
     * @return the differing replies without a deviation
     */
    public List<String> replay(List<GoldenLine> lines) throws Exception {
        for (GoldenLine line : lines) {
            unrecorded.getOrDefault(line.number(), () -> {}).run();
            String expected = expected(line);
            Callable<String> before = begun.get(line.number());
            String answer = before == null ? answer(line) : before.call();
            String wanted =
                    deviations.at(line).map(Deviations.Deviation::instead).orElse(expected);
            if (!answer.equals(wanted)) {
                differences.add(line + ": expected " + wanted + ", was " + answer);
            }
        }
        return List.copyOf(differences);
    }

    private static String expected(GoldenLine line) {
        if (line.has("path") && line.has("type")) {
            return Answers.expected(line);
        }
        return switch (line.text("op")) {
            case "insmod", "rmmod" -> line.has("errno") ? line.text("errno") : line.text("ret");
            case "read" -> Answers.quoted(line.text("data"));
            case "write", "write_same_fd" ->
                line.has("open_errno")
                        ? line.text("open_errno")
                        : line.has("errno") ? line.text("errno") : line.text("ret");
            default -> line.text("note");
        };
    }

    private String answer(GoldenLine line) throws Exception {
        if (line.has("type")) {
            String actual = Answers.actual(sysfs, line.text("path"));
            // Some files were only listed.
            String looked = Answers.expected(line);
            return line.text("type").equals("file") && looked.endsWith(" ") && actual.startsWith(looked)
                    ? looked
                    : actual;
        }
        return switch (line.text("op")) {
            case "insmod" -> {
                machine.insmod(line.text("module").replace(".ko", ""));
                yield "0";
            }
            case "read" -> read(line.text("path"));
            case "write" -> {
                open = null;
                yield write(line);
            }
            case "write_same_fd" -> write(line);
            default -> note(line.text("note"));
        };
    }

    private String read(String path) {
        try {
            return Answers.quoted(new String(((SysfsFile) sysfs.lookup(path, true)).read(), StandardCharsets.UTF_8));
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }

    private String write(GoldenLine line) {
        try {
            SysfsFile file = open;
            if (file == null) {
                file = (SysfsFile) sysfs.lookup(line.text("path"), true);
            }
            open = line.text("op").equals("write_same_fd") ? file : null;
            return Integer.toString(file.write(line.text("data").getBytes(StandardCharsets.ISO_8859_1)));
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }

    /** Notes that state facts are checked; headings match themselves. */
    private String note(String note) {
        Matcher group = GROUP.matcher(note);
        if (group.matches()) {
            String device = DEVICES + "/83b8f4f2-509f-382f-3c1e-e6bfe0fa000" + group.group(1) + "/iommu_group";
            return group.group(1) + " -> " + Answers.actual(sysfs, device).replace("link 0777 -> ", "");
        }
        for (String fact : List.of("devices now: ", "order of /sys/bus/mdev/devices (sorted by ls): ")) {
            if (note.startsWith(fact)) {
                return fact + Answers.names(sysfs, DEVICES);
            }
        }
        if (note.startsWith("number of devices: ")) {
            return "number of devices: "
                    + Answers.names(sysfs, DEVICES)
                            .chars()
                            .filter(c -> c == ' ')
                            .count();
        }
        return note;
    }
}
