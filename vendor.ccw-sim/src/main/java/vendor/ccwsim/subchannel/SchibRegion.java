package vendor.ccwsim.subchannel;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.device.Region;
import vendor.ccwsim.channel.Schib;

/**
 * {@code struct ccw_schib_region}: a read stores the subchannel.
 *
 * @param subchannel thread-safe
 */
record SchibRegion(Subchannel subchannel) implements Region {
    @Override
    public void read(long offset, MemorySegment data, long dataOffset, int length) {
        MemorySegment block = MemorySegment.ofArray(new byte[Schib.SIZE]);
        subchannel.stsch().write(block, 0);
        MemorySegment.copy(block, offset, data, dataOffset, length);
    }

    @Override
    public boolean writable() {
        return false;
    }

    @Override
    public void write(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        throw new ErrnoException(Errno.EINVAL);
    }
}
