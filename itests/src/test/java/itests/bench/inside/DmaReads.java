package itests.bench.inside;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.Vfio;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.MemFd;
import mdev.linux.Seal;

/** The device's reads of guest memory, a memfd, beside copies from another mapping of it. */
record DmaReads(Vfio vfio, Tree tree, ManyDevices vendor) implements Measurement {
    private static final long IOVA = 0x1000_0000;

    /** @param arguments rounds, reads in a round, bytes of a read */
    @Override
    public Map<String, List<Double>> run(List<Integer> arguments) throws ErrnoException {
        int times = arguments.get(1);
        int size = arguments.get(2);
        try (Arena arena = Arena.ofConfined();
                User user = User.open(vfio, tree, tree.create())) {
            Fd guest = MemFd.create("guest", size, Seal.SHRINK);
            MemorySegment mapped =
                    Mapping.map(guest, 0, size, Mapping.Protection.READ_WRITE, Mapping.Sharing.SHARED, arena);
            mapped.fill((byte) 1);
            user.map(new UserMemory.File(guest.release(), 0), IOVA, size);
            MemorySegment data = arena.allocate(size);
            DmaAccess device = vendor.opened();
            return Alternation.nanos(
                    arguments.getFirst(), () -> ours(device, data, times), () -> beside(mapped, data, times));
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.EIO, String.valueOf(e.getMessage()));
        }
    }

    private static void ours(DmaAccess device, MemorySegment data, int times) throws ErrnoException {
        for (int i = 0; i < times; i++) {
            device.dmaRead(IOVA, data, 0, data.byteSize());
        }
    }

    private static void beside(MemorySegment mapped, MemorySegment data, int times) {
        for (int i = 0; i < times; i++) {
            MemorySegment.copy(mapped, 0, data, 0, data.byteSize());
        }
    }
}
