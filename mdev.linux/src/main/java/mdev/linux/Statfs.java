package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Set;

/** {@code fstatfs(2)}, for the one thing that is asked: which kind of file system a file is in. */
final class Statfs {
    /** {@code sizeof(struct statfs)}; {@code f_type}, a long, comes first. */
    private static final int BYTES = 120;

    /**
     * Those that answer from memory or from a disk of this machine ({@code include/uapi/linux/magic.h}). Others are
     * served by a process or by another machine (FUSE, NFS, 9p): whoever runs that decides when a read is back.
     */
    private static final Set<Long> LOCAL = Set.of(
            0x0102_1994L, // tmpfs, and memfds
            0x8584_58f6L, // ramfs
            0x9584_58f6L, // hugetlbfs
            0xef53L, // ext2, ext3, ext4
            0x5846_5342L, // xfs
            0x9123_683eL, // btrfs
            0xf2f5_2010L, // f2fs
            0x2fc1_2fc1L, // zfs
            0xca45_1a4eL, // bcachefs
            0x794c_7630L); // overlayfs, the root of a container

    private static final MethodHandle FSTATFS =
            Libc.function("fstatfs", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));

    private Statfs() {}

    static boolean isLocal(Fd fd) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment statfs = arena.allocate(BYTES, JAVA_LONG.byteAlignment());
            Libc.call("fstatfs", state -> (int) FSTATFS.invokeExact(state, fd.number(), statfs));
            return LOCAL.contains(statfs.get(JAVA_LONG, 0));
        }
    }
}
