package vfio.mdev.iommu.memory;

import java.util.HashMap;
import java.util.Map;
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

    private record Key(Location.FileSpace file, boolean writable, FdAccess access) {}

    /** One user's use of a file; closed once. */
    interface Use {
        void close();
    }

    /**
     * @param fd used up, however the call ends
     * @param writable whether it will be written; it is always read
     */
    BackingMemory open(Fd fd, long offset, long length, boolean writable) throws ErrnoException {
        try (fd) {
            FdAccess access = Mapping.classify(fd, offset, length);
            int mode = fd.accessMode();
            if (mode != Fd.O_RDWR && (writable || mode != Fd.O_RDONLY)) {
                // Checked for each descriptor: a read-only descriptor must not share another user's writable mapping.
                throw new ErrnoException(Errno.EACCES, "the file is not open for this access");
            }
            FileStatus status = fd.stat();
            Location location = new Location(new Location.FileSpace(status.device(), status.inode()), offset);
            return access == FdAccess.MMAP
                    ? mapped(fd, location, length, writable, status.size())
                    : transferred(fd, location, writable);
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.of(e.errno()), "the user's file: " + e.getMessage());
        }
    }

    /** @param fd always consumed, even on failure */
    Location locate(Fd fd, long offset) throws ErrnoException {
        try (fd) {
            FileStatus status = fd.stat();
            return new Location(new Location.FileSpace(status.device(), status.inode()), offset);
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.of(e.errno()), "the user's file: " + e.getMessage());
        }
    }

    private synchronized BackingMemory mapped(Fd fd, Location location, long length, boolean writable, long fileSize)
            throws LinuxException {
        Protection protection = writable ? Protection.READ_WRITE : Protection.READ;
        Key key = new Key((Location.FileSpace) location.space(), writable, FdAccess.MMAP);
        Shared shared = files.get(key);
        // A file that is not sealed against growing may have grown: existing users then keep the old mapping.
        if (shared == null || shared.size < location.start() + length) {
            try {
                shared = new Shared(key, Mapping.of(fd, 0, fileSize, protection), null, fileSize);
                files.put(key, shared);
            } catch (LinuxException e) {
                if (length == fileSize) {
                    throw e;
                }
                // A huge sparse file does not fit into memory as a whole.
                Mapping part = Mapping.of(fd, location.start(), length, protection);
                return new MappedMemory(location, part.segment(), part::close);
            }
        }
        Mapping mapping = shared.mapping;
        if (mapping == null) {
            throw new IllegalStateException("not mapped: " + key);
        }
        return new MappedMemory(location, mapping.segment().asSlice(location.start(), length), use(shared));
    }

    private synchronized BackingMemory transferred(Fd fd, Location location, boolean writable) throws LinuxException {
        Key key = new Key((Location.FileSpace) location.space(), writable, FdAccess.FILE_IO);
        Shared shared = files.get(key);
        if (shared == null) {
            shared = new Shared(key, null, fd.dup(), Long.MAX_VALUE);
            files.put(key, shared);
        }
        Fd own = shared.fd;
        if (own == null) {
            throw new IllegalStateException("not open: " + key);
        }
        return new FileMemory(location, own, use(shared));
    }

    private Use use(Shared shared) {
        shared.uses++;
        return () -> release(shared);
    }

    private synchronized void release(Shared shared) {
        if (--shared.uses == 0) {
            files.remove(shared.key, shared);
            if (shared.mapping != null) {
                shared.mapping.close();
            }
            if (shared.fd != null) {
                shared.fd.close();
            }
        }
    }

    /** For leak checks in tests. */
    synchronized int size() {
        return files.size();
    }

    private static final class Shared {
        final Key key;
        final @Nullable Mapping mapping;
        final @Nullable Fd fd;
        final long size;
        int uses;

        Shared(Key key, @Nullable Mapping mapping, @Nullable Fd fd, long size) {
            this.key = key;
            this.mapping = mapping;
            this.fd = fd;
            this.size = size;
        }
    }
}
