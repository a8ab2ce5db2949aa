package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;

/** {@code fstatfs(2)}, for the type of a file's file system only. */
final class Statfs {
    /** {@code sizeof(struct statfs)}; {@code f_type}, a long, comes first. */
    private static final int BYTES = 120;

    /** File systems on a block device of this machine ({@code include/uapi/linux/magic.h}). */
    private static final Set<Long> LOCAL = Set.of(
            0xef53L, // ext2, ext3, ext4
            0x5846_5342L, // xfs
            0xf2f5_2010L); // f2fs

    /** File systems without a block device of their own, by their names in {@code /proc/filesystems}. */
    private static final Set<String> LOCAL_TYPES = Set.of("btrfs", "zfs", "bcachefs", "overlay", "ramfs");

    private static final MethodHandle FSTATFS =
            Libc.function("fstatfs", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));

    private Statfs() {}

    /**
     * Whether this machine itself serves a file. Sends no request to a server, for which fstatfs(2) of FUSE would
     * wait. A file system on a block device answers from its superblock; the type of the others is read from the table
     * of mounts of this process's namespace, which only the host controls.
     */
    static boolean isLocal(Fd fd, FileStatus status) throws LinuxException {
        if (fd.isSealable()) { // tmpfs, hugetlbfs, and memfds
            return true;
        }
        return (status.device() >>> Integer.SIZE) != 0 ? LOCAL.contains(magic(fd)) : LOCAL_TYPES.contains(type(fd));
    }

    private static long magic(Fd fd) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment statfs = arena.allocate(BYTES, JAVA_LONG.byteAlignment());
            Libc.call("fstatfs", state -> (int) FSTATFS.invokeExact(state, fd.number(), statfs));
            return statfs.get(JAVA_LONG, 0);
        }
    }

    /** The type of the mount that the file was opened on; empty for a mount of another namespace. */
    private static String type(Fd fd) throws LinuxException {
        try {
            String mount = first(Path.of("/proc/self/fdinfo/" + fd.number()), "mnt_id:")
                    .substring("mnt_id:".length())
                    .strip();
            String[] fields =
                    first(Path.of("/proc/self/mountinfo"), mount + " ").split(" - ", 2);
            return fields[fields.length - 1].split(" ", 2)[0];
        } catch (IOException e) {
            throw new LinuxException("mnt_id of " + fd, LinuxErrno.EINVAL, e.toString());
        }
    }

    private static String first(Path file, String beginning) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(beginning)).findFirst().orElse(beginning);
        }
    }
}
