package vfio.mdev.iommu.memory;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.SpaprRegisterMemory;
import mdev.api.vfio.SpaprUnregisterMemory;
import mdev.api.vfio.UserMemory;
import mdev.linux.Fd;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/**
 * Opens the memory that users pass for mapping. Shared by all back-ends, so that they identify equal pages as equal.
 */
@Component(service = UserMemories.class)
public final class UserMemories {
    private final FilePool files = new FilePool();
    private final PageNumbers numbers = new PageNumbers();

    /** The open memories of all users together; each costs this process a few objects, but its user nothing. */
    private final AtomicInteger open = new AtomicInteger();

    private volatile int mostOpen = Integer.MAX_VALUE;

    @Activate
    public UserMemories() {}

    /**
     * Changes the limits for the memory of all users together; memory that is open stays open.
     *
     * @param most the maximum number of open memories, one for each mapping of a user
     * @param mostFiles how many files can be open
     * @param mostBytes the size of all mappings of files
     */
    public void limit(int most, int mostFiles, long mostBytes) {
        mostOpen = most;
        files.limit(new FilePool.Ceiling(mostFiles, mostBytes));
    }

    public PageNumbers numbers() {
        return numbers;
    }

    /**
     * Opens memory.
     *
     * @param memory always consumed, even on failure
     * @param length the required size
     * @param writable whether it will be written
     * @throws ErrnoException EINVAL: it is shorter, or cannot be mapped; EACCES: open for reading only; ENOSPC: all
     *     users together have too many mappings, or files, or too large ones; otherwise the errno of the system call
     */
    public MemoryRef open(UserMemory memory, long length, boolean writable) throws ErrnoException {
        int most = mostOpen;
        if (open.getAndUpdate(now -> now < most ? now + 1 : now) >= most) {
            discard(memory);
            throw new ErrnoException(
                    Errno.ENOSPC,
                    "the mappings of all users together are limited to " + most + " (vfio.mdev.maxMappings)");
        }
        BackingMemory opened = null;
        try {
            opened = backing(memory, length, writable);
        } finally {
            if (opened == null) {
                open.decrementAndGet();
            }
        }
        return new MemoryRef(opened, open::decrementAndGet);
    }

    private BackingMemory backing(UserMemory memory, long length, boolean writable) throws ErrnoException {
        return switch (memory) {
            case UserMemory.File file -> files.open(Fd.adopt(file.fd()), file.offset(), length, writable);
            case UserMemory.Local local -> local(local.segment(), length, writable);
            case UserMemory.Remote remote -> new RemoteMemory(locate(remote), remote.access());
        };
    }

    /** The location of memory, which is always consumed, even on failure. */
    public Location locate(UserMemory memory) throws ErrnoException {
        return switch (memory) {
            case UserMemory.File file -> files.locate(Fd.adopt(file.fd()), file.offset());
            case UserMemory.Local local ->
                new Location(new Location.LocalSpace(), local.segment().address());
            case UserMemory.Remote remote -> new Location(new Location.RemoteSpace(remote.access()), remote.address());
        };
    }

    /**
     * Closes the memory of a request that is rejected before it is opened: the framework owns its descriptor.
     */
    public static void discard(UserMemory memory) {
        if (memory instanceof UserMemory.File file) {
            Fd.adopt(file.fd()).close();
        }
    }

    /** As {@link #discard(UserMemory)}, for any kind of request that is not handled. */
    public static void discard(IoctlRequest request) {
        switch (request) {
            case MapDma map -> discard(map.memory());
            case SpaprRegisterMemory register -> discard(register.memory());
            case SpaprUnregisterMemory unregister -> discard(unregister.memory());
            default -> {}
        }
    }

    private BackingMemory local(MemorySegment segment, long length, boolean writable) throws ErrnoException {
        if (!segment.isNative() || Long.compareUnsigned(segment.byteSize(), length) < 0) {
            throw new ErrnoException(Errno.EINVAL, "not native memory of at least " + length + " bytes");
        }
        if (writable && segment.isReadOnly()) {
            throw new ErrnoException(Errno.EACCES, "the memory is read-only");
        }
        return new SegmentMemory(locate(new UserMemory.Local(segment)), segment.asSlice(0, length), () -> {});
    }

    /** The number of open files, for tests. */
    public int openFiles() {
        return files.size();
    }
}
