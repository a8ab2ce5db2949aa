package vfio.mdev.iommu.memory;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.FdAccess;
import mdev.linux.FileStatus;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.Mapping.Protection;
import org.jspecify.annotations.Nullable;

/**
 * Maps each user file once: a virtual machine maps many parts of one memfd, and 65,535 separate mappings would exhaust
 * the limit of the process (vm.max_map_count).
 */
final class FilePool {
    /** Guarded by this; contains exactly the files in use. */
    private final Map<Key, Shared> files = new HashMap<>();

    /** The limits for all users together. */
    private volatile Ceiling limits = Ceiling.DEFAULT;

    /** Guarded by this: the mappings and descriptors in use. */
    private int open;

    /** Guarded by this: the size of all mappings. */
    private long mappedBytes;

    /**
     * Each file costs this process a mapping or a descriptor, and address space for the whole file, but costs its user
     * nothing.
     *
     * @param files how many files can be open
     * @param bytes the size of all mappings; a process has 128 TiB of address space
     */
    record Ceiling(int files, long bytes) {
        static final Ceiling DEFAULT = new Ceiling(16_384, 64L << 40);
    }

    void limit(Ceiling changed) {
        limits = changed;
    }

    private record Key(Location.Space file, boolean writable, FdAccess access) {}

    /** One user's use of a file; closed once. */
    interface Use {
        void close();
    }

    /**
     * @param fd always consumed, even on failure
     * @param writable whether it will be written; it is always read
     */
    BackingMemory open(Fd fd, long offset, long length, boolean writable) throws ErrnoException {
        return using(fd, file -> {
            FdAccess access = Mapping.classify(file, offset, length);
            int mode = file.accessMode();
            if (mode != Fd.O_RDWR && (writable || mode != Fd.O_RDONLY)) {
                // Checked for each descriptor: a read-only descriptor must not share another user's writable mapping.
                throw new ErrnoException(Errno.EACCES, "the file is not open for this access");
            }
            FileStatus status = file.stat();
            Location location = locate(status, offset);
            Key key = new Key(location.space(), writable, access);
            return access == FdAccess.MMAP
                    ? mapped(file, key, location, length, status.size())
                    : transferred(file, key, location);
        });
    }

    /** @param fd always consumed, even on failure */
    Location locate(Fd fd, long offset) throws ErrnoException {
        return using(fd, file -> locate(file.stat(), offset));
    }

    private static Location locate(FileStatus status, long offset) {
        return new Location(new Location.FileSpace(status.device(), status.inode()), offset);
    }

    private interface FileCall<T> {
        T of(Fd fd) throws LinuxException, ErrnoException;
    }

    private static <T> T using(Fd fd, FileCall<T> call) throws ErrnoException {
        try (fd) {
            return call.of(fd);
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.of(e.errno()), "the user's file: " + e.getMessage());
        }
    }

    private synchronized BackingMemory mapped(Fd fd, Key key, Location location, long length, long fileSize)
            throws LinuxException, ErrnoException {
        Protection protection = key.writable ? Protection.READ_WRITE : Protection.READ;
        Shared shared = files.get(key);
        // A file that is not sealed against growing may have grown: existing users then keep the old mapping.
        if (shared == null || shared.size < location.start() + length) {
            checkLimits(fileSize);
            try {
                Mapping whole = Mapping.of(fd, 0, fileSize, protection);
                shared = new Shared(key, null, whole.segment(), whole::close, fileSize);
            } catch (LinuxException e) {
                if (length == fileSize) {
                    throw e;
                }
                // A huge sparse file does not fit into memory as a whole.
                return part(Mapping.of(fd, location.start(), length, protection), location, length);
            }
            files.put(key, shared);
            open++;
            mappedBytes += fileSize;
        }
        return new SegmentMemory(location, shared.bytes.asSlice(location.start(), length), use(shared));
    }

    private SegmentMemory part(Mapping part, Location location, long length) {
        open++;
        mappedBytes += length;
        return new SegmentMemory(location, part.segment(), () -> {
            part.close();
            synchronized (this) {
                open--;
                mappedBytes -= length;
            }
        });
    }

    /** @param more the size of the next mapping */
    private void checkLimits(long more) throws ErrnoException {
        Ceiling now = limits;
        if (open >= now.files || more > now.bytes - mappedBytes) {
            throw new ErrnoException(
                    Errno.ENOSPC,
                    "the files of all users together are limited to %d, with %d GiB (docs/configuration.md)"
                            .formatted(now.files, now.bytes >> 30));
        }
    }

    private synchronized BackingMemory transferred(Fd fd, Key key, Location location)
            throws LinuxException, ErrnoException {
        Shared shared = files.get(key);
        if (shared == null) {
            checkLimits(0);
            Fd own = fd.dup();
            shared = new Shared(key, own, MemorySegment.NULL, own::close, 0);
            files.put(key, shared);
            open++;
        }
        return new FileMemory(location, Objects.requireNonNull(shared.fd), use(shared));
    }

    private Use use(Shared shared) {
        shared.uses++;
        return () -> release(shared);
    }

    private synchronized void release(Shared shared) {
        if (--shared.uses == 0) {
            files.remove(shared.key, shared);
            open--;
            mappedBytes -= shared.size;
            shared.close.run();
        }
    }

    /** For leak checks in tests. */
    synchronized int size() {
        return files.size();
    }

    private static final class Shared {
        final Key key;
        /** Of a file that is not mapped. */
        final @Nullable Fd fd;

        /** Of a file that is mapped. */
        final MemorySegment bytes;

        final Runnable close;
        final long size;
        int uses;

        Shared(Key key, @Nullable Fd fd, MemorySegment bytes, Runnable close, long size) {
            this.key = key;
            this.fd = fd;
            this.bytes = bytes;
            this.close = close;
            this.size = size;
        }
    }
}
