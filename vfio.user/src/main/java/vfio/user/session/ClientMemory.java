package vfio.user.session;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.linux.Fd;
import mdev.linux.FileStatus;
import mdev.linux.LinuxException;
import vfio.user.wire.DmaMapRequest;
import vfio.user.wire.DmaUnmapRequest;
import vfio.user.wire.Message;

/**
 * The client's memory: creates a container mapping for each client mapping, backed by a file or by messages. Used by
 * the connection's thread.
 */
final class ClientMemory {
    private final VfioFiles device;
    private final MessageDma messages;
    private final DmaChannel channel;
    private final ClientMappings mappings;

    /** @param channel the channel used by {@code messages} */
    ClientMemory(VfioFiles device, MessageDma messages, DmaChannel channel, int maxMappings, ClientLimits limits) {
        this.device = device;
        this.messages = messages;
        this.channel = channel;
        this.mappings = new ClientMappings(maxMappings, limits);
    }

    int map(Message message, List<Fd> fds) throws ErrnoException {
        DmaMapRequest request = DmaMapRequest.of(message, fds);
        ClientMappings.Mapping mapping =
                new ClientMappings.Mapping(request, fds.isEmpty() ? null : file(fds.getFirst()));
        if (mappings.has(mapping)) {
            return 0;
        }
        UserMemory memory = fds.isEmpty()
                ? new UserMemory.Remote(request.address(), messages)
                : new UserMemory.File(fds.getFirst().release(), request.offset());
        device.memory(new MapDma(
                request.flags() & (DmaMapRequest.READ | DmaMapRequest.WRITE),
                memory,
                request.address(),
                request.size()));
        mappings.add(mapping);
        return 0;
    }

    private static ClientMappings.File file(Fd fd) throws ErrnoException {
        try {
            FileStatus status = fd.stat();
            return new ClientMappings.File(status.device(), status.inode(), status.size());
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.of(e.errno()), "DMA_MAP: " + e.getMessage());
        }
    }

    int unmap(Message message, List<Fd> fds, Message reply) throws ErrnoException {
        DmaUnmapRequest request = DmaUnmapRequest.of(message, fds);
        reply.copy(message, DmaUnmapRequest.BYTES);
        return switch (request.kind()) {
            case ALL -> {
                unmap(UnmapDma.all(), mappings.anyRemote(), AddressRange.ALL);
                mappings.clear();
                yield DmaUnmapRequest.BYTES;
            }
            case RANGE -> {
                ClientMappings.Mapping mapping = mappings.find(request.address(), request.size());
                unmap(new UnmapDma(request.address(), request.size()), mapping);
                mappings.remove(mapping);
                yield DmaUnmapRequest.BYTES;
            }
            case RANGE_WITH_BITMAP -> {
                ClientMappings.Mapping mapping = mappings.find(request.address(), request.size());
                // The client's buffer may be larger than the bitmap; the rest must not leak old buffer contents.
                DirtyBitmap bitmap = new DirtyBitmap(
                        request.pgsize(),
                        reply.slice(DmaUnmapRequest.BITMAP, request.bitmapBytes())
                                .fill((byte) 0));
                unmap(new UnmapDma(UnmapDma.GET_DIRTY_BITMAP, request.address(), request.size(), bitmap), mapping);
                mappings.remove(mapping);
                int length = DmaUnmapRequest.BITMAP + request.bitmapBytes();
                reply.u32(0, length).u64(24, request.pgsize()).u64(32, request.bitmapBytes());
                yield length;
            }
        };
    }

    private void unmap(UnmapDma request, ClientMappings.Mapping mapping) throws ErrnoException {
        unmap(
                request,
                mapping.isRemote(),
                new AddressRange(mapping.request().address(), mapping.request().last()));
    }

    /** Unmapping waits for running DMA; DMA by messages would wait for the client's answers. */
    private void unmap(UnmapDma request, boolean remote, AddressRange range) throws ErrnoException {
        if (!remote) {
            device.memory(request);
            return;
        }
        channel.suspend(range);
        try {
            device.memory(request);
        } finally {
            channel.resume();
        }
    }
}
