package mdev.fuse.mount;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The kernel's list of mounts ({@code proc_pid_mountinfo(5)}), read without accessing any mounted file system.
 */
record MountTable(List<Entry> entries) {
    private static final Pattern OCTAL = Pattern.compile("\\\\([0-7]{3})");

    /**
     * A mount.
     *
     * @param device {@code major:minor} of its file system: unique while the file system is mounted or in use
     */
    record Entry(String device, String point, String type) {
        /** {@code 36 35 98:0 /root /point options optional... - type source options}. */
        private static Entry of(String line) {
            String[] halves = line.split(" - ", 2);
            String[] head = halves[0].split(" ");
            return new Entry(head[2], plain(head[4]), halves[1].split(" ", 2)[0]);
        }

        /** Decodes blanks and other characters that are written as {@code \040}. */
        private static String plain(String field) {
            return OCTAL.matcher(field)
                    .replaceAll(match -> Character.toString(Integer.parseInt(match.group(1), 8))
                            .replace("\\", "\\\\"));
        }
    }

    static MountTable read() throws IOException {
        // Decoded byte by byte: names of foreign mounts can have any encoding.
        return of(Files.readAllLines(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1));
    }

    static MountTable of(List<String> lines) {
        return new MountTable(lines.stream().map(Entry::of).toList());
    }

    /** The mounts on a directory; the last one is on top. */
    List<Entry> at(Path point) {
        String name = new String(point.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        return entries.stream().filter(entry -> entry.point().equals(name)).toList();
    }
}
