package vendor.ccwsim.subchannel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import java.util.function.Function;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.VfioContext;
import mdev.device.Region;

/** A region through which the user makes requests. Thread-safe. */
class RequestRegion implements Region {
    /**
     * The byte order of the fields of the driver's own. In the kernel it is the host's; here it is that of vfio-user on
     * every host.
     */
    private static final ValueLayout.OfInt HOST_INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment bytes;
    private final int retCode;
    private final Request request;

    /** A write of the user, which {@link #take} brings into the region. */
    @FunctionalInterface
    interface Request {
        void write(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException;
    }

    /**
     * @param retCode the offset of {@code ret_code}
     * @param request called for each write, without a lock
     */
    RequestRegion(int size, int retCode, Request request) {
        this.bytes = MemorySegment.ofArray(new byte[size]);
        this.retCode = retCode;
        this.request = request;
    }

    @Override
    public void read(long offset, MemorySegment data, long dataOffset, int length) {
        synchronized (this) {
            MemorySegment.copy(bytes, offset, data, dataOffset, length);
        }
    }

    @Override
    public final void write(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        request.write(offset, data, dataOffset, length);
    }

    /** Takes a request, which has not failed. */
    final synchronized void take(long offset, MemorySegment data, long dataOffset, int length) {
        MemorySegment.copy(data, dataOffset, bytes, offset, length);
        bytes.set(HOST_INT, retCode, 0);
    }

    /** The request has failed: {@code ret_code} is the negative errno. */
    final synchronized void fail(ErrnoException e) {
        bytes.set(HOST_INT, retCode, -e.errno().number());
    }

    /** A field of the driver's own. */
    final synchronized int number(int offset) {
        return bytes.get(HOST_INT, offset);
    }

    /** A structure of the architecture. */
    final synchronized <T> T get(Function<MemorySegment, T> structure) {
        return structure.apply(bytes);
    }

    final synchronized void put(Consumer<MemorySegment> structure) {
        structure.accept(bytes);
    }

    /** No user sees what another has left. */
    @Override
    public final void open(VfioContext context) {
        reset();
    }

    @Override
    public final synchronized void reset() {
        bytes.fill((byte) 0);
    }

    @Override
    public final synchronized DeviceState save() {
        return DeviceState.version(1).with("bytes", bytes.toArray(ValueLayout.JAVA_BYTE));
    }

    @Override
    public final synchronized void restore(DeviceState state) throws ErrnoException {
        byte[] saved = state.bytes("bytes");
        if (saved.length != bytes.byteSize()) {
            throw new ErrnoException(
                    Errno.EINVAL, "state: " + saved.length + " bytes of a region, not " + bytes.byteSize());
        }
        bytes.copyFrom(MemorySegment.ofArray(saved));
    }
}
