package vfio.user.session;

import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import vfio.user.wire.DmaMapRequest;

/**
 * The client's mappings, against which requests are validated. The IOMMU would also unmap a part of a mapping. Used by
 * the connection's thread.
 */
final class ClientMappings {
    private final int most;
    private final ClientLimits limits;

    /** By unsigned address. */
    private final NavigableMap<Long, Mapping> mappings = new TreeMap<>(Long::compareUnsigned);

    /** The number of mappings of each file. */
    private final Map<File, Integer> files = new HashMap<>();

    /** @param most the negotiated maximum number of mappings */
    ClientMappings(int most, ClientLimits limits) {
        this.most = most;
        this.limits = limits;
    }

    /**
     * A mapping.
     *
     * @param file the mapped file; null for memory accessed by messages
     */
    record Mapping(DmaMapRequest request, @Nullable File file) {
        boolean isRemote() {
            return file == null;
        }
    }

    /** A file, independent of the descriptor. */
    record File(long device, long inode, long size) {}

    /**
     * Whether an identical mapping exists.
     *
     * @throws ErrnoException EEXIST: another mapping overlaps; EINVAL: too many mappings
     */
    boolean has(Mapping wanted) throws ErrnoException {
        Map.Entry<Long, Mapping> below = mappings.floorEntry(wanted.request.last());
        if (below != null && Long.compareUnsigned(below.getValue().request.last(), wanted.request.address()) >= 0) {
            if (below.getValue().equals(wanted)) {
                return true;
            }
            throw new ErrnoException(
                    Errno.EEXIST,
                    "DMA_MAP: another mapping exists at 0x"
                            + Long.toHexString(below.getValue().request.address()));
        }
        if (mappings.size() >= most) {
            throw new ErrnoException(Errno.EINVAL, "DMA_MAP: there are " + most + " mappings");
        }
        checkFiles(wanted.file);
        return false;
    }

    /**
     * Limits the mapped files: each costs this process a descriptor or a mapping, and address space for the whole file,
     * but costs the client nothing.
     *
     * @throws ErrnoException ENOSPC: too many files, or too large
     */
    private void checkFiles(@Nullable File fresh) throws ErrnoException {
        if (fresh == null || files.containsKey(fresh)) {
            return;
        }
        long bytes = files.keySet().stream().mapToLong(File::size).sum();
        if (files.size() >= limits.files() || fresh.size > limits.fileBytes() - bytes) {
            throw new ErrnoException(
                    Errno.ENOSPC,
                    "DMA_MAP: a client is limited to %d files, with %d GiB (docs/configuration.md)"
                            .formatted(limits.files(), limits.fileBytes() >> 30));
        }
    }

    void add(Mapping mapping) {
        mappings.put(mapping.request.address(), mapping);
        if (mapping.file != null) {
            files.merge(mapping.file, 1, Integer::sum);
        }
    }

    /**
     * The mapping of exactly this range.
     *
     * @throws ErrnoException ENOENT: no such mapping
     */
    Mapping find(long address, long size) throws ErrnoException {
        Mapping mapping = mappings.get(address);
        if (mapping == null || mapping.request.size() != size) {
            throw new ErrnoException(
                    Errno.ENOENT,
                    "DMA_UNMAP: no mapping at 0x" + Long.toHexString(address) + " with size 0x"
                            + Long.toHexString(size));
        }
        return mapping;
    }

    void remove(Mapping mapping) {
        mappings.remove(mapping.request.address());
        if (mapping.file != null) {
            files.computeIfPresent(mapping.file, (_, uses) -> uses == 1 ? null : uses - 1);
        }
    }

    void clear() {
        mappings.clear();
        files.clear();
    }

    /** Whether any mapping is accessed by messages. */
    boolean anyRemote() {
        return mappings.values().stream().anyMatch(Mapping::isRemote);
    }
}
