package itests.bench.inside;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;

/** Reads of a register by a user in this process, beside calls of an interface on an array of registers. */
record RegionReads(Vfio vfio, Tree tree) implements Measurement {
    /** What is beside it. */
    private interface Plain {
        int read(int offset);
    }

    private static final class Registers implements Plain {
        private final int[] values = new int[4];

        @Override
        public int read(int offset) {
            return values[offset / Integer.BYTES];
        }
    }

    /** @param arguments rounds, reads in a round */
    @Override
    public Map<String, List<Double>> run(List<Integer> arguments) throws ErrnoException {
        int reads = arguments.get(1);
        Plain plain = new Registers();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined();
                User user = User.open(vfio, tree, tree.create())) {
            MemorySegment data = arena.allocate(Integer.BYTES);
            Map<String, List<Double>> answer = new HashMap<>(Alternation.nanos(
                    arguments.getFirst(), () -> ours(user.device, data, reads), () -> beside(plain, data, reads)));
            long before = threads.getCurrentThreadAllocatedBytes();
            ours(user.device, data, reads);
            answer.put("bytes", List.of((double) (threads.getCurrentThreadAllocatedBytes() - before) / reads));
            return answer;
        }
    }

    private static void ours(VfioDevice device, MemorySegment data, int reads) throws ErrnoException {
        for (int i = 0; i < reads; i++) {
            device.read(VfioPci.BAR0_REGION, 0, data, 0, Integer.BYTES);
        }
    }

    private static void beside(Plain plain, MemorySegment data, int reads) {
        for (int i = 0; i < reads; i++) {
            data.set(ValueLayout.JAVA_INT, 0, plain.read(i & 12));
        }
    }
}
