package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** {@code mount(2)} and {@code umount2(2)}: needs CAP_SYS_ADMIN, otherwise EPERM. Thread-safe. */
public final class Mount {
    public static final long MS_NOSUID = 2;
    public static final long MS_NODEV = 4;
    public static final long MS_NOEXEC = 8;

    private static final long MS_BIND = 0x1000;
    private static final long MS_REC = 0x4000;
    private static final long MS_SHARED = 1 << 20;

    private static final int MNT_DETACH = 2;

    private static final MethodHandle MOUNT =
            Libc.function("mount", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));
    private static final MethodHandle UMOUNT2 =
            Libc.function("umount2", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

    private Mount() {}

    /**
     * Mounts a file system.
     *
     * @param source the mounted source; only a label in {@code /proc/mounts} for most virtual file systems
     * @param target an existing directory
     * @param type as in {@code /proc/filesystems}
     * @param flags {@code MS_} constants
     * @param data the file system's own options
     * @throws LinuxException EPERM: not root; ENOENT, ENOTDIR: bad target; ENODEV: unknown type; EINVAL: bad options
     */
    public static void mount(String source, Path target, String type, long flags, String data) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sourceName = arena.allocateFrom(source);
            MemorySegment targetName = arena.allocateFrom(target.toString());
            MemorySegment typeName = arena.allocateFrom(type);
            MemorySegment options = arena.allocateFrom(data);
            Libc.call("mount " + target, state ->
                    (int) MOUNT.invokeExact(state, sourceName, targetName, typeName, flags, options));
        }
    }

    /**
     * Makes a file or directory visible at a second place, with all mounts below it ({@code mount --rbind}).
     *
     * @param source a file or directory
     * @param target an existing file or directory of the same kind
     * @throws LinuxException EPERM: not root; ENOENT: no such path; ENOTDIR: one is a directory and the other is not
     */
    public static void bind(Path source, Path target) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sourceName = arena.allocateFrom(source.toString());
            MemorySegment targetName = arena.allocateFrom(target.toString());
            Libc.call("bind mount " + target, state -> (int) MOUNT.invokeExact(
                    state, sourceName, targetName, MemorySegment.NULL, MS_BIND | MS_REC, MemorySegment.NULL));
        }
    }

    /**
     * Makes a mount shared: what is later mounted below it, or unmounted, also is where it is bound ({@code mount
     * --make-shared}).
     *
     * @throws LinuxException EPERM: not root; EINVAL: not a mount point; ENOENT: no such path
     */
    public static void share(Path target) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment targetName = arena.allocateFrom(target.toString());
            MemorySegment none = MemorySegment.NULL;
            Libc.call("mount --make-shared " + target, state ->
                    (int) MOUNT.invokeExact(state, none, targetName, none, MS_SHARED, none));
        }
    }

    /**
     * Unmounts a file system.
     *
     * @throws LinuxException EBUSY: in use; EPERM: not root; EINVAL: not a mount point; ENOENT: no such path
     */
    public static void unmount(Path target) throws LinuxException {
        umount2(target, 0);
    }

    /**
     * Detaches a mount at once, even if it is busy or its server is dead; the file system is unmounted after its last
     * use ({@code MNT_DETACH}).
     *
     * @throws LinuxException EPERM: not root; EINVAL: not a mount point; ENOENT: no such path
     */
    public static void detach(Path target) throws LinuxException {
        umount2(target, MNT_DETACH);
    }

    private static void umount2(Path target, int flags) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment targetName = arena.allocateFrom(target.toString());
            Libc.call("umount2 " + target, state -> (int) UMOUNT2.invokeExact(state, targetName, flags));
        }
    }
}
