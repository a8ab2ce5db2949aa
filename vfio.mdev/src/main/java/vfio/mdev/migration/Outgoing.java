package vfio.mdev.migration;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.DmaAccess;
import mdev.linux.LinuxException;

/** The stream that a device's user reads; its memories are read as the stream proceeds. Not thread-safe. */
public final class Outgoing {
    private final Format format = new Format();
    private final List<Memory> memories;

    /** The current frame, and how much of it the user has. */
    private byte[] frame;

    private int taken;

    private byte[] state;

    /** What follows the frame: the state unless it was taken, then parts from here on, then the end. */
    private int memory;

    private long position;
    private long parts;
    private boolean ended;

    /**
     * @param type of the device
     * @param memories of its regions, which stay while this is used
     * @throws ErrnoException EFBIG: the state is too large
     */
    public Outgoing(String type, DeviceState state, List<Memory> memories) throws ErrnoException {
        this.memories = memories;
        this.frame = format.frame(Format.head(type, memories));
        this.state = format.frame(state);
    }

    /** Fills the destination; returns less than its size at the end of the stream. */
    public int read(MemorySegment to) throws ErrnoException {
        int done = 0;
        int size = (int) to.byteSize();
        while (done < size) {
            if (taken == frame.length && !advance()) {
                break;
            }
            int length = Math.min(size - done, frame.length - taken);
            MemorySegment.copy(frame, taken, to, ValueLayout.JAVA_BYTE, done, length);
            taken += length;
            done += length;
        }
        return done;
    }

    private boolean advance() throws ErrnoException {
        if (ended) {
            return false;
        }
        if (state.length > 0) {
            frame = state;
            state = new byte[0];
        } else {
            frame = format.frame(nextPart());
        }
        taken = 0;
        return true;
    }

    private DeviceState nextPart() throws ErrnoException {
        for (; memory < memories.size(); memory++, position = 0) {
            Memory from = memories.get(memory);
            try {
                long start = position < from.bytes().byteSize() ? from.file().nextData(position) : -1;
                if (start >= 0) {
                    long end = Math.min(from.file().nextHole(start), start + Format.PART);
                    position = end;
                    parts++;
                    return DeviceState.version(Format.VERSION)
                            .with(Format.REGION, from.region())
                            .with(Format.OFFSET, start)
                            .with(
                                    Format.DATA,
                                    from.bytes().asSlice(start, end - start).toArray(ValueLayout.JAVA_BYTE));
                }
            } catch (LinuxException e) {
                throw new ErrnoException(Errno.of(e.errno()), "memory of region " + from.region() + ": " + e);
            }
        }
        ended = true;
        return DeviceState.version(Format.VERSION).with(Format.PARTS, parts);
    }

    /** The estimated number of bytes that are left. */
    public long left() throws ErrnoException {
        long later = ended ? 0 : state.length + estimate(memories.subList(memory, memories.size())) - position;
        return frame.length - taken + Math.max(0, later);
    }

    /** The bytes of the memories that are no holes, with the overhead of a frame for each page. */
    public static long estimate(List<Memory> memories) throws ErrnoException {
        long bytes = 0;
        for (Memory memory : memories) {
            try {
                bytes += memory.file().stat().blocks() * 512;
            } catch (LinuxException e) {
                throw new ErrnoException(Errno.of(e.errno()), "memory of region " + memory.region() + ": " + e);
            }
        }
        return bytes + (bytes / DmaAccess.PAGE_SIZE + 1) * Format.OVERHEAD;
    }
}
