package vendor.gpusim.engine;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import vendor.gpusim.engine.Fault.Code;

/** Executes commands, one part at a time; parts of several commands may alternate. */
final class Unit {
    private final int part;
    private final Blitter blitter;
    private final Arithmetic arithmetic;

    /** @param part the cost of a part, as {@link Work#PART} */
    Unit(int part) {
        this.part = part;
        this.blitter = new Blitter(part);
        this.arithmetic = new Arithmetic(part);
    }

    /**
     * Begins a command; a fence has no work.
     *
     * @param memory the vGPU's memory
     * @param guest the guest's memory
     * @throws Fault RANGE, FIELD
     */
    Work begin(RingCommand command, MemorySegment memory, DmaAccess guest) throws Fault {
        return switch (command) {
            case RingCommand.Nop() -> Work.none();
            case RingCommand.Fence _ -> Work.none();
            case RingCommand.Fill fill -> blitter.fill(memory, fill);
            case RingCommand.Copy copy -> blitter.copy(memory, copy);
            case RingCommand.Stretch stretch -> blitter.stretch(memory, stretch);
            case RingCommand.Blend blend -> blitter.blend(memory, blend);
            case RingCommand.Vector vector -> arithmetic.vector(memory, vector);
            case RingCommand.Matrix matrix -> arithmetic.matrix(memory, matrix);
            case RingCommand.Upload(Surface to, long iova, long stride) ->
                transfer(to, memory, iova, stride, guest::dmaRead);
            case RingCommand.Download(long iova, long stride, Surface from) ->
                transfer(from, memory, iova, stride, guest::dmaWrite);
        };
    }

    @FunctionalInterface
    private interface Dma {
        void move(long iova, MemorySegment data, long offset, long length) throws ErrnoException;
    }

    /**
     * Transfers many lines at once if they are contiguous on both sides; otherwise line by line, because each may be a
     * message.
     */
    private Work transfer(Surface surface, MemorySegment memory, long iova, long stride, Dma dma) throws Fault {
        surface.check(memory.byteSize());
        long line = surface.line();
        boolean dense = stride == line && surface.stride() == line;
        return new Work(
                surface.height(),
                dense ? part / surface.width() : 1,
                2 * line * surface.height(),
                (from, to) -> move(dma, iova + from * stride, memory, surface.at(from), (to - from) * line));
    }

    private static void move(Dma dma, long iova, MemorySegment memory, long offset, long length) throws Fault {
        try {
            dma.move(iova, memory, offset, length);
        } catch (ErrnoException e) { // also ENODEV, which a client may return; a disconnected one reads no fault
            throw new Fault(Code.DMA);
        }
    }
}
