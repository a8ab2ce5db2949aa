package mdev.pci;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.IntUnaryOperator;

/**
 * Live configuration space: the region of a device that a guest finds it by.
 *
 * <p>Every access is a row of byte accesses, each under the byte's own write mask: sized, unaligned and crossing ones
 * give what byte enables on the bus would. Each byte changes atomically; no lock is needed, since no rule ties two
 * bytes together.
 */
final class ConfigSpace implements Region {
    private static final VarHandle BYTE = MethodHandles.arrayElementVarHandle(byte[].class);

    private final ConfigImage image;
    private final IntUnaryOperator live;
    private final byte[] bytes;

    /** @param live the bits that the device sets in the byte at an offset, such as the Interrupt Status in STATUS */
    ConfigSpace(PciFunction function, IntUnaryOperator live) {
        this.image = function.image();
        this.live = live;
        this.bytes = image.values.clone();
    }

    @Override
    public void read(long offset, MemorySegment data, long dataOffset, int length) {
        for (int i = 0; i < length; i++) {
            data.set(JAVA_BYTE, dataOffset + i, read((int) offset + i));
        }
    }

    @Override
    public void write(long offset, MemorySegment data, long dataOffset, int length) {
        for (int i = 0; i < length; i++) {
            write((int) offset + i, data.get(JAVA_BYTE, dataOffset + i));
        }
    }

    @Override
    public void reset() {
        for (int i = 0; i < bytes.length; i++) {
            BYTE.setVolatile(bytes, i, image.values[i]);
        }
    }

    /** The device saw an error: sets STATUS bits that stay until the guest clears them. */
    void raiseStatus(int errors) {
        int bits = errors & Header.STATUS_ERRORS;
        BYTE.getAndBitwiseOr(bytes, Header.STATUS, (byte) bits);
        BYTE.getAndBitwiseOr(bytes, Header.STATUS + 1, (byte) (bits >> 8));
    }

    /** Whether one of the bits is set in the register of 16 bits at an offset. */
    boolean has(int at, int bits) {
        return (((read(at) & 0xff) | (read(at + 1) << Byte.SIZE)) & bits) != 0;
    }

    private byte read(int at) {
        return (byte) ((byte) BYTE.getVolatile(bytes, at) | live.applyAsInt(at));
    }

    private void write(int at, byte value) {
        int writable = image.writable[at];
        int clearable = image.clearable[at];
        if ((writable | clearable) == 0) {
            return;
        }
        byte before;
        byte after;
        do {
            before = (byte) BYTE.getVolatile(bytes, at);
            after = (byte) ((before & ~writable & ~(clearable & value)) | (value & writable));
        } while (!BYTE.compareAndSet(bytes, at, before, after));
    }
}
