package mdev.core.golden;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.api.sysfs.SysfsNode;

/** A tree's replies in the notation of the golden files. */
public final class Answers {
    private Answers() {}

    /** An entry as a golden line records it: type, mode, link target, content. */
    public static String expected(GoldenLine line) {
        String type = line.text("type");
        return switch (type) {
            case "absent" -> "absent " + line.text("errno");
            case "link" -> "link " + line.text("mode") + " -> " + line.text("target");
            case "file" ->
                "file " + line.text("mode") + " " + line.text("size") + " "
                        + (line.has("data")
                                ? quoted(line.text("data"))
                                : line.text("open_errno") + line.text("read_errno"));
            default -> type + " " + line.text("mode");
        };
    }

    /** An entry of our tree in the same notation. */
    public static String actual(Sysfs sysfs, String path) {
        try {
            return actual(sysfs.lookup(path, false));
        } catch (ErrnoException e) {
            return "absent " + e.errno();
        }
    }

    public static String actual(SysfsNode node) {
        String mode = String.format(Locale.ROOT, "%04o", node.mode());
        return switch (node) {
            case SysfsDirectory _ -> "dir " + mode;
            case SysfsLink link -> "link " + mode + " -> " + link.target();
            case SysfsFile file -> "file " + mode + " " + SysfsFile.SIZE + " " + content(file);
        };
    }

    private static String content(SysfsFile file) {
        try {
            return quoted(new String(file.read(), StandardCharsets.UTF_8));
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }

    public static String quoted(String data) {
        return "\"" + data.replace("\n", "\\n") + "\"";
    }

    /** The names in a directory, joined as in the transcripts' notes. */
    public static String names(Sysfs sysfs, String path) {
        try {
            List<String> names = ((SysfsDirectory) sysfs.lookup(path, true))
                    .children().stream().map(SysfsNode::name).toList();
            return names.isEmpty() ? "" : String.join(" ", names) + " ";
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }
}
