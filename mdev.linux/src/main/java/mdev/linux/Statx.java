package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * {@code statx(2)} instead of fstat(2), because its struct is the same on all architectures.
 *
 * <pre>
 * struct statx {                        // include/uapi/linux/stat.h
 *     __u32 stx_mask;
 *     __u32 stx_blksize;
 *     __u64 stx_attributes;
 *     __u32 stx_nlink, stx_uid, stx_gid;
 *     __u16 stx_mode;
 *     __u16 __spare0[1];
 *     __u64 stx_ino;
 *     __u64 stx_size;
 *     __u64 stx_blocks, stx_attributes_mask;
 *     struct statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;   // 16 bytes each
 *     __u32 stx_rdev_major, stx_rdev_minor;
 *     __u32 stx_dev_major, stx_dev_minor;
 *     ...                               // 256 bytes in all
 * };
 * </pre>
 */
final class Statx {
    private static final long BYTES = 256;
    private static final long MODE = 28;
    private static final long INO = 32;
    private static final long SIZE = 40;
    private static final long BLOCKS = 48;
    private static final long DEV_MAJOR = 136;
    private static final long DEV_MINOR = 140;

    private static final int AT_EMPTY_PATH = 0x1000;

    /** Uses the kernel's cached attributes, because the server of a file system (FUSE, NFS) may not answer. */
    private static final int AT_STATX_DONT_SYNC = 0x4000;

    private static final int STATX_BASIC_STATS = 0x7ff;

    private static final MethodHandle STATX =
            Libc.function("statx", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));

    private Statx() {}

    static FileStatus of(int fd) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment statx = arena.allocate(BYTES, JAVA_LONG.byteAlignment());
            MemorySegment thisFile = arena.allocateFrom("");
            Libc.call("statx", state -> (int) STATX.invokeExact(
                    state, fd, thisFile, AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, statx));
            return new FileStatus(
                    FileType.of(statx.get(JAVA_SHORT, MODE)),
                    statx.get(JAVA_LONG, SIZE),
                    statx.get(JAVA_LONG, BLOCKS),
                    (long) statx.get(JAVA_INT, DEV_MAJOR) << 32
                            | Integer.toUnsignedLong(statx.get(JAVA_INT, DEV_MINOR)),
                    statx.get(JAVA_LONG, INO));
        }
    }
}
