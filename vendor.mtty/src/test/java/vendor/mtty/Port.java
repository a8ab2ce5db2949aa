package vendor.mtty;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;

/** A port of a device, accessed register by register as by a driver. */
record Port(MttyDevice device, int bar, MemorySegment buffer) {
    Port(MttyDevice device, int bar) {
        this(device, bar, Arena.ofAuto().allocate(1));
    }

    int in(int register) {
        try {
            device.read(bar, register, buffer, 0, 1);
            return Byte.toUnsignedInt(buffer.get(JAVA_BYTE, 0));
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    void out(int register, int value) {
        try {
            buffer.set(JAVA_BYTE, 0, (byte) value);
            device.write(bar, register, buffer, 0, 1);
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    void out(int register, int... values) {
        for (int value : values) {
            out(register, value);
        }
    }
}
