package vendor.ccwsim.subchannel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/** A region through which the user makes requests. Not thread-safe. */
final class RequestRegion {
    /**
     * The byte order of the fields of the driver's own. In the kernel it is the host's; here it is that of vfio-user on
     * every host.
     */
    private static final ValueLayout.OfInt HOST_INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment bytes;
    private final int retCode;

    /** @param retCode the offset of {@code ret_code} */
    RequestRegion(CcwRegion region, int retCode) {
        this.bytes = MemorySegment.ofArray(new byte[region.size()]);
        this.retCode = retCode;
    }

    /** For the structures of the architecture. */
    MemorySegment bytes() {
        return bytes;
    }

    /** A field of the driver's own. */
    int number(int offset) {
        return bytes.get(HOST_INT, offset);
    }

    void read(long offset, MemorySegment data, long dataOffset, int length) {
        MemorySegment.copy(bytes, offset, data, dataOffset, length);
    }

    /** Takes a request, which has not failed. */
    void write(long offset, MemorySegment data, long dataOffset, int length) {
        MemorySegment.copy(data, dataOffset, bytes, offset, length);
        bytes.set(HOST_INT, retCode, 0);
    }

    /** The request has failed: {@code ret_code} is the negative errno. */
    void fail(ErrnoException e) {
        bytes.set(HOST_INT, retCode, -e.errno().number());
    }

    void clear() {
        bytes.fill((byte) 0);
    }

    byte[] save() {
        return bytes.toArray(ValueLayout.JAVA_BYTE);
    }

    /** @throws ErrnoException EINVAL: the field is missing or has another size */
    void restore(DeviceState saved, String field) throws ErrnoException {
        byte[] restored = saved.bytes(field);
        if (restored.length != bytes.byteSize()) {
            throw new ErrnoException(
                    Errno.EINVAL, "state: " + field + " has " + restored.length + " bytes, not " + bytes.byteSize());
        }
        bytes.copyFrom(MemorySegment.ofArray(restored));
    }
}
