package vendor.gpusim;

import java.lang.foreign.Arena;
import java.util.List;
import mdev.pci.Bar;
import mdev.pci.MemoryRegion;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;

/** A display function that bochs-drm drives: BAR0 is the frame buffer, BAR2 its registers. */
final class Vgpu extends PciDevice implements AutoCloseable {
    private static final int DISPLAY_OTHER = 0x038000;

    private final VgpuType type;

    /** Holds the frame buffer, zeroed, so that nobody sees another's pixels. Closed in {@link #close()}. */
    private final Arena arena;

    Vgpu(VgpuType type) {
        var memory = Arena.ofShared();
        super(
                function(type),
                interrupts -> List.of(
                        new MemoryRegion(memory.allocate(type.memory(), 4096)),
                        new DisplayRegisters(type.width(), type.height(), type.memory())));
        this.type = type;
        this.arena = memory;
    }

    private static PciFunction function(VgpuType type) {
        return PciFunction.of(0x1234, 0x1111)
                .revision(0x02)
                .classCode(DISPLAY_OTHER)
                .subsystem(0x1af4, 0x1100)
                .bar(Bar.memory(0, type.memory()).prefetched())
                .bar(Bar.memory(2, DisplayRegisters.SIZE))
                .build();
    }

    VgpuType type() {
        return type;
    }

    /** Frees the frame buffer, when no access runs or will come. */
    @Override
    public void close() {
        arena.close();
    }
}
