package itests.fuse;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import org.jspecify.annotations.Nullable;

/**
 * A process that makes system calls on a mounted tree and reports their results: one line for each line of its input,
 * {@code = RESULT} or {@code ! ERRNO}. Texts are in hexadecimal.
 */
final class Caller {
    private static final HexFormat HEX = HexFormat.of();

    private @Nullable Fd open;

    private Caller() {}

    public static void main(String[] arguments) throws IOException {
        Caller caller = new Caller();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            List<String> words = Arrays.asList(line.split(" ", -1));
            System.out.println(caller.answer(words.getFirst(), new String(HEX.parseHex(words.getLast()), ISO_8859_1)));
        }
    }

    private String answer(String call, String argument) throws IOException {
        try {
            return "= "
                    + switch (call) {
                        case "lstat" -> status(Path.of(argument), LinkOption.NOFOLLOW_LINKS);
                        case "stat" -> status(Path.of(argument));
                        case "readlink" ->
                            Files.readSymbolicLink(Path.of(argument)).toString();
                        case "readdir" -> names(Path.of(argument));
                        case "read" -> read(Path.of(argument));
                        case "open" -> open(Path.of(argument));
                        case "write" -> write(argument.getBytes(ISO_8859_1));
                        default -> throw new IllegalArgumentException(call);
                    };
        } catch (LinuxException e) {
            return "! " + Errno.of(e.errno());
        } catch (FileSystemException e) {
            return "! " + errno(e);
        }
    }

    private static Errno errno(FileSystemException e) {
        return switch (e) {
            case NoSuchFileException _ -> Errno.ENOENT;
            case NotDirectoryException _ -> Errno.ENOTDIR;
            default ->
                Arrays.stream(Errno.values())
                        .filter(errno -> errno.sentence().equals(e.getReason()))
                        .findFirst()
                        .orElseThrow(() -> new IllegalStateException(e));
        };
    }

    private static String status(Path path, LinkOption... options) throws IOException {
        Map<String, Object> status = Files.readAttributes(path, "unix:mode,size,ino", options);
        return "%o %d %d".formatted((Integer) status.get("mode"), (Long) status.get("size"), (Long) status.get("ino"));
    }

    private static String names(Path path) throws IOException {
        try (Stream<Path> entries = Files.list(path)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().collect(Collectors.joining("/"));
        }
    }

    private static String read(Path path) throws LinuxException {
        try (Arena arena = Arena.ofConfined();
                Fd fd = Fd.open(path, Fd.O_RDONLY)) {
            MemorySegment page = arena.allocate(8192);
            StringBuilder text = new StringBuilder();
            for (long n = fd.read(page); n > 0; n = fd.read(page)) {
                text.append(HEX.formatHex(page.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE)));
            }
            return text.toString();
        }
    }

    /** Opens a file for writing and closes the previously open one. */
    private String open(Path path) throws LinuxException {
        if (open != null) {
            open.close();
        }
        open = Fd.open(path, Fd.O_WRONLY);
        return "";
    }

    private String write(byte[] data) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            return Long.toString(Objects.requireNonNull(open, "nothing is open")
                    .write(arena.allocateFrom(ValueLayout.JAVA_BYTE, data)));
        }
    }
}
