package itests.bench.inside;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Vfio;

/**
 * Commands through the ring of {@code vendor.gpu-sim}, one doorbell each, beside numbers through a ring to another
 * thread; copies of a screen beside copies of memory.
 */
record EngineRing(Vfio vfio, Tree tree) implements Measurement {
    static final String TYPE = "/sys/class/mdev_bus/gpu0/mdev_supported_types/gpu-sim-16m";
    private static final int PAGE = 4096;

    private static final int NOP = 0;
    private static final int COPY = 2 | 3 << 8;
    static final int WIDTH = 1920;
    static final int HEIGHT = 1080;
    static final int STRIDE = WIDTH * 4;

    /** Memory for a screen. */
    static final int HALF = 8 << 20;

    /** @param arguments rounds, commands in a round, screens in a round */
    @Override
    public Map<String, List<Double>> run(List<Integer> arguments) throws ErrnoException {
        int rounds = arguments.getFirst();
        int commands = arguments.get(1);
        int screens = arguments.get(2);
        Map<String, List<Double>> answer = new HashMap<>();
        try (Arena arena = Arena.ofShared();
                User user = User.open(vfio, tree, tree.create(TYPE));
                NumberRing numbers = new NumberRing(RingDriver.SLOTS)) {
            RingDriver driver = new RingDriver(user, arena);
            Alternation.nanos(
                            rounds,
                            () -> {
                                for (int i = 0; i < commands; i++) {
                                    driver.submit(NOP);
                                }
                                driver.finish();
                            },
                            () -> numbers.hand(commands))
                    .forEach((side, nanos) -> answer.put("commands-" + side, nanos));
            MemorySegment memory = arena.allocate(2 * HALF, PAGE).fill((byte) 1);
            Alternation.nanos(
                            rounds,
                            () -> {
                                for (int i = 0; i < screens; i++) {
                                    driver.submit(COPY, 0, WIDTH | HEIGHT << 16, STRIDE, HALF, 0, 0, STRIDE, 0);
                                }
                                driver.finish();
                            },
                            () -> {
                                for (int i = 0; i < screens; i++) {
                                    MemorySegment.copy(memory, 0, memory, HALF, STRIDE * HEIGHT);
                                }
                            })
                    .forEach((side, nanos) -> answer.put("copy-" + side, nanos));
            driver.disable();
        }
        return answer;
    }
}
