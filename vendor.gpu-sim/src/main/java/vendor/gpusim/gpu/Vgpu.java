package vendor.gpusim.gpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContext;
import mdev.pci.Bar;
import mdev.pci.Capability;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;
import mdev.pci.SharedMemory;
import vendor.gpusim.display.DisplayRegisters;
import vendor.gpusim.display.Mode;
import vendor.gpusim.display.Picture;
import vendor.gpusim.engine.Engine;
import vendor.gpusim.engine.EngineCounters;
import vendor.gpusim.engine.EngineRegisters;

/**
 * A display function that bochs-drm drives: BAR0 is the frame buffer, which the guest maps, BAR2 its registers, BAR4
 * the engine.
 */
public final class Vgpu extends PciDevice {
    private static final int DISPLAY_OTHER = 0x038000;

    private final UUID uuid;
    private final VgpuType type;
    private final SharedMemory frameBuffer;
    private final DisplayRegisters display;
    private final EngineCounters counters;

    /**
     * @param engine of its GPU
     * @param share of the GPU's memory that it has, more than 0, at most 1
     */
    Vgpu(UUID uuid, VgpuType type, Engine engine, double share) {
        var bar = Bar.memory(0, type.memory()).prefetched();
        var memory = new SharedMemory(bar);
        var registers = new DisplayRegisters(type.width(), type.height(), type.memory());
        var counted = new EngineCounters();
        super(
                function(bar),
                interrupts ->
                        List.of(memory, registers, new EngineRegisters(engine, memory, interrupts, counted, share)));
        this.uuid = uuid;
        this.type = type;
        this.frameBuffer = memory;
        this.display = registers;
        this.counters = counted;
    }

    private static PciFunction function(Bar frameBuffer) {
        return PciFunction.of(0x1234, 0x1111)
                .revision(0x02)
                .classCode(DISPLAY_OTHER)
                .subsystem(0x1af4, 0x1100)
                .bar(frameBuffer)
                .bar(Bar.memory(2, DisplayRegisters.SIZE))
                .bar(Bar.memory(4, EngineRegisters.SIZE))
                .capability(new Capability.MsiX(
                        EngineRegisters.VECTORS, 4, EngineRegisters.MSIX_TABLE, 4, EngineRegisters.MSIX_PENDING))
                .build();
    }

    UUID uuid() {
        return uuid;
    }

    VgpuType type() {
        return type;
    }

    /** What it has had of the engine. */
    EngineCounters counters() {
        return counters;
    }

    /**
     * Each user finds it as after power-on. His memory is his own, and there only then: what is reset before costs no
     * clearing.
     */
    @Override
    public void open(VfioContext context) throws ErrnoException {
        reset();
        super.open(context);
    }

    /** What the display is set to; none while it is off or nobody uses the device. Any thread, at any time. */
    Optional<Mode> mode() {
        return frameBuffer.memory().byteSize() == 0 ? Optional.empty() : display.mode();
    }

    /**
     * What is on the screen now; nothing while the display is off. Any thread, at any time.
     *
     * @throws ErrnoException ENODEV: nobody uses the device
     */
    public Optional<Picture> picture() throws ErrnoException {
        MemorySegment memory = frameBuffer.memory();
        if (memory.byteSize() == 0) {
            throw new ErrnoException(Errno.ENODEV, "nobody uses vGPU " + uuid + ": there is no picture");
        }
        try {
            return display.mode().map(mode -> Picture.of(memory, mode));
        } catch (IllegalStateException e) {
            throw new ErrnoException(Errno.ENODEV, "the user of vGPU " + uuid + " has gone");
        }
    }
}
