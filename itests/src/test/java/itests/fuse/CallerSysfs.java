package itests.fuse;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.api.sysfs.SysfsListener;
import mdev.api.sysfs.SysfsNode;
import org.jspecify.annotations.Nullable;

/**
 * A mounted tree accessed through a {@link Caller}, so that the golden transcripts can be replayed with real system
 * calls. Not thread-safe.
 */
final class CallerSysfs implements Sysfs, AutoCloseable {
    private static final HexFormat HEX = HexFormat.of();
    private static final int TYPE = 0170000;

    private final Path mount;
    private final Process caller;
    private final BufferedReader answers;
    private final PrintWriter calls;

    CallerSysfs(Path mount) throws IOException {
        this.mount = mount;
        ProcessBuilder java = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Caller.class.getName());
        java.environment().put("LC_ALL", "C");
        caller = java.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        answers = caller.inputReader(UTF_8);
        calls = new PrintWriter(caller.outputWriter(UTF_8), true);
    }

    private String call(String name, String argument) throws ErrnoException {
        calls.println(name + " " + HEX.formatHex(argument.getBytes(ISO_8859_1)));
        String answer;
        try {
            answer = answers.readLine();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (answer == null) {
            throw new AssertionError("the caller has ended");
        }
        if (answer.startsWith("! ")) {
            throw new ErrnoException(Errno.valueOf(answer.substring(2)));
        }
        return answer.substring(2);
    }

    @Override
    public SysfsDirectory root() {
        throw new UnsupportedOperationException("asked by path only");
    }

    @Override
    public SysfsNode lookup(String path, boolean followLast) throws ErrnoException {
        String[] status = call(followLast ? "stat" : "lstat", real(path)).split(" ");
        int bits = Integer.parseInt(status[0], 8);
        int mode = bits & 07777;
        long ino = Long.parseLong(status[2]);
        return switch (bits & TYPE) {
            case 0040000 -> new Directory(path, mode, ino);
            case 0120000 -> new Link(path, mode, ino, call("readlink", real(path)));
            case 0100000 -> {
                if (Long.parseLong(status[1]) != SysfsFile.SIZE) {
                    throw new AssertionError(path + " has the size " + status[1]);
                }
                yield new OneFile(path, mode, ino);
            }
            default -> throw new AssertionError(path + " is " + status[0]);
        };
    }

    @Override
    public void addListener(SysfsListener listener) {
        throw new UnsupportedOperationException("a process polls");
    }

    @Override
    public void changed(String path) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void removeListener(SysfsListener listener) {
        throw new UnsupportedOperationException("a process polls");
    }

    private String real(String path) {
        return mount + path.replaceFirst("^/sys", "");
    }

    @Override
    public void close() throws IOException {
        calls.close();
        answers.close();
        caller.destroy();
    }

    /** The part of {@link SysfsNode} that is the same for all entries. */
    abstract static class Entry {
        private final String path;
        private final int mode;
        private final long ino;

        Entry(String path, int mode, long ino) {
            this.path = path;
            this.mode = mode;
            this.ino = ino;
        }

        public String name() {
            return path.substring(path.lastIndexOf('/') + 1);
        }

        public String path() {
            return path;
        }

        public int mode() {
            return mode;
        }

        public long ino() {
            return ino;
        }

        public boolean exists() {
            return true;
        }
    }

    private final class Directory extends Entry implements SysfsDirectory {
        Directory(String path, int mode, long ino) {
            super(path, mode, ino);
        }

        @Override
        public @Nullable SysfsNode child(String name) {
            try {
                return lookup(path() + "/" + name, false);
            } catch (ErrnoException e) {
                return null;
            }
        }

        @Override
        public List<SysfsNode> children(String after, int limit) {
            try {
                return Arrays.stream(call("readdir", real(path())).split("/"))
                        .filter(name -> !name.isEmpty() && name.compareTo(after) > 0)
                        .limit(limit)
                        .map(name -> Objects.requireNonNull(child(name), name))
                        .toList();
            } catch (ErrnoException e) {
                throw new AssertionError(path(), e);
            }
        }
    }

    private static final class Link extends Entry implements SysfsLink {
        private final String target;

        Link(String path, int mode, long ino, String target) {
            super(path, mode, ino);
            this.target = target;
        }

        @Override
        public String target() {
            return target;
        }
    }

    /** Opened for the first write and kept open for later ones. */
    private final class OneFile extends Entry implements SysfsFile {
        private boolean open;

        OneFile(String path, int mode, long ino) {
            super(path, mode, ino);
        }

        @Override
        public byte[] read() throws ErrnoException {
            return HEX.parseHex(call("read", real(path())));
        }

        @Override
        public int write(byte[] data, Supplier<String> requester) throws ErrnoException {
            if (!open) {
                call("open", real(path()));
                open = true;
            }
            return Integer.parseInt(call("write", new String(data, ISO_8859_1)));
        }
    }
}
