package itests.bench.inside;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.Vfio;

/**
 * Reads of 8 bytes at addresses of many mappings, beside those of ten. All mappings have the same page, so that only
 * the look-up differs.
 */
record IovaLookUps(Vfio vfio, Tree tree, ManyDevices vendor) implements Measurement {
    private static final int FEW = 10;
    private static final int PAGE = 4096;

    /** Between the beginnings of two mappings, which are not adjacent. */
    private static final int STEP = 2 * PAGE;

    /** @param arguments rounds, reads in a round, mappings */
    @Override
    public Map<String, List<Double>> run(List<Integer> arguments) throws ErrnoException {
        int times = arguments.get(1);
        int mappings = arguments.get(2);
        try (Arena arena = Arena.ofShared();
                User many = User.open(vfio, tree, tree.create())) {
            DmaAccess manyMapped = vendor.opened();
            MemorySegment page = arena.allocate(PAGE, PAGE);
            MemorySegment data = arena.allocate(Long.BYTES);
            map(many, page, mappings);
            try (User few = User.open(vfio, tree, tree.create())) {
                DmaAccess fewMapped = vendor.opened();
                map(few, page, FEW);
                return Alternation.nanos(
                        arguments.getFirst(),
                        () -> read(manyMapped, data, times, mappings),
                        () -> read(fewMapped, data, times, FEW));
            }
        }
    }

    private static void map(User user, MemorySegment page, int mappings) throws ErrnoException {
        for (int i = 0; i < mappings; i++) {
            user.map(new UserMemory.Local(page), (long) i * STEP, PAGE);
        }
    }

    private static void read(DmaAccess device, MemorySegment data, int times, int mappings) throws ErrnoException {
        int random = 1;
        for (int i = 0; i < times; i++) {
            random = random * 1664525 + 1013904223; // a full period of 2^32
            long mapping = ((random & 0xffff_ffffL) * mappings) >>> Integer.SIZE;
            device.dmaRead(mapping * STEP, data, 0, Long.BYTES);
        }
    }
}
