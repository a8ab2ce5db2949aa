package vendor.gpusim.engine;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import vendor.gpusim.engine.Fault.Code;

/** What carries commands out, one at a time. */
final class Unit {
    private final Blitter blitter = new Blitter();

    /**
     * Carries a command out; for a fence there is nothing to do.
     *
     * @param memory the vGPU's
     * @param guest its guest's
     * @return how many bytes of both it moved
     * @throws Fault RANGE, DMA
     * @throws ErrnoException ENODEV: the guest has gone
     * @throws IllegalStateException the same
     */
    long run(Command command, MemorySegment memory, DmaAccess guest) throws Fault, ErrnoException {
        return switch (command) {
            case Command.Nop() -> 0;
            case Command.Fence _ -> 0;
            case Command.Fill fill -> blitter.fill(memory, fill);
            case Command.Copy copy -> blitter.copy(memory, copy);
            case Command.Stretch stretch -> blitter.stretch(memory, stretch);
            case Command.Blend blend -> blitter.blend(memory, blend);
            case Command.Compute compute -> Arithmetic.run(memory, compute);
            case Command.Upload(Surface to, long iova, long stride) ->
                transfer(to, memory, iova, stride, guest::dmaRead);
            case Command.Download(long iova, long stride, Surface from) ->
                transfer(from, memory, iova, stride, guest::dmaWrite);
        };
    }

    @FunctionalInterface
    private interface Dma {
        void move(long iova, MemorySegment data, long offset, long length) throws ErrnoException;
    }

    /** All at once where the lines lie one behind the other on both sides. */
    private static long transfer(Surface surface, MemorySegment memory, long iova, long stride, Dma dma)
            throws Fault, ErrnoException {
        surface.check(memory.byteSize());
        long bytes = surface.line() * surface.height();
        if (stride == surface.line() && surface.stride() == stride) {
            move(dma, iova, memory, surface.offset(), bytes);
        } else {
            for (int y = 0; y < surface.height(); y++) {
                move(dma, iova + y * stride, memory, surface.at(y), surface.line());
            }
        }
        return bytes;
    }

    private static void move(Dma dma, long iova, MemorySegment memory, long offset, long length)
            throws Fault, ErrnoException {
        try {
            dma.move(iova, memory, offset, length);
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENODEV) {
                throw e;
            }
            throw new Fault(Code.DMA);
        }
    }
}
