package vendor.gpusim.gpu;

import java.lang.foreign.MemorySegment;
import mdev.api.vfio.VfioContext;

/**
 * The user's side of a device with one region of memory, which the user owns.
 *
 * @param frameBuffer the memory that the user maps
 */
record UserContext(MemorySegment frameBuffer) implements VfioContext {
    @Override
    public MemorySegment regionMemory(int region, long size) {
        return frameBuffer;
    }

    @Override
    public boolean armed(int index, int vector) {
        return false;
    }

    @Override
    public void trigger(int index, int vector) {}

    @Override
    public void setIntx(boolean high) {}
}
