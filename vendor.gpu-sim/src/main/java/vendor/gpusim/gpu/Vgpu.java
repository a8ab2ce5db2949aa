package vendor.gpusim.gpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.QuiescentDevice;
import mdev.api.vfio.VfioContext;
import mdev.device.SharedMemory;
import mdev.pci.Bar;
import mdev.pci.Capability;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;
import vendor.gpusim.display.DisplayRegisters;
import vendor.gpusim.display.Mode;
import vendor.gpusim.display.Picture;
import vendor.gpusim.engine.Engine;
import vendor.gpusim.engine.EngineCounters;
import vendor.gpusim.engine.EngineRegisters;

/**
 * A display function for the bochs-drm driver: BAR0 is the mappable frame buffer, BAR2 the display registers, BAR4 the
 * engine.
 */
public final class Vgpu extends PciDevice implements QuiescentDevice {
    private static final int DISPLAY_OTHER = 0x038000;

    private final UUID uuid;
    private final VgpuType type;
    private final SharedMemory frameBuffer;
    private final DisplayRegisters display;
    private final EngineCounters counters;

    /**
     * @param engine the GPU's engine
     * @param share the vGPU's share of the GPU's memory, more than 0, at most 1
     */
    Vgpu(UUID uuid, VgpuType type, Engine engine, double share) {
        var bar = Bar.memory(0, type.memory()).prefetched();
        var memory = bar.sharedMemory();
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

    /** The vGPU's use of the engine. */
    EngineCounters counters() {
        return counters;
    }

    /**
     * Resets the device to its power-on state for each user. The memory belongs to this user and is allocated here, so
     * a reset before open need not clear it.
     */
    @Override
    public void open(VfioContext context) throws ErrnoException {
        reset();
        super.open(context);
    }

    /** The display mode; empty while the display is off or the device is closed. Thread-safe. */
    Optional<Mode> mode() {
        return frameBuffer.memory().byteSize() == 0 ? Optional.empty() : display.mode();
    }

    /**
     * The current screen; empty while the display is off. Thread-safe.
     *
     * @throws ErrnoException ENODEV: the device is closed
     */
    public Optional<Picture> picture() throws ErrnoException {
        MemorySegment memory = frameBuffer.memory();
        if (memory.byteSize() == 0) {
            throw new ErrnoException(Errno.ENODEV, "vGPU " + uuid + " has no picture: it is not open");
        }
        try {
            return display.mode().map(mode -> Picture.of(memory, mode));
        } catch (IllegalStateException e) {
            throw new ErrnoException(Errno.ENODEV, "vGPU " + uuid + " was closed by its user");
        }
    }
}
