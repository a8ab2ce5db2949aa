package mdev.pci;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.IntUnaryOperator;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.pci.ExtendedCapability.ResizableBar;
import org.jspecify.annotations.Nullable;

/**
 * The configuration space of one device.
 *
 * <p>An access is a sequence of byte accesses, each with the byte's own write mask, so an access of any size and
 * alignment has the effect of byte enables on the bus. Each byte changes atomically. No lock is needed: the only rule
 * that involves two bytes is applied on reads, where the chosen size of a resizable BAR masks its address bits.
 */
final class ConfigSpace {
    private static final VarHandle BYTE = MethodHandles.arrayElementVarHandle(byte[].class);

    private final ConfigImage image;
    private final IntUnaryOperator live;
    private final byte[] bytes;

    private final @Nullable ResizableBar resizable;

    /** The offsets of the resizable BAR's register and of the byte with its chosen size. */
    private final int resizableFrom;

    private final int resizableTo;
    private final int chosenSize;

    /** @param live returns the bits that the device sets in the byte at an offset, such as Interrupt Status */
    ConfigSpace(PciFunction function, IntUnaryOperator live) {
        this.image = function.image();
        this.live = live;
        this.bytes = image.values.clone();
        ResizableBar one = function.resizable();
        Bar bar = one == null ? null : function.bar(one.bar());
        this.resizable = one;
        this.resizableFrom = bar == null ? 0 : bar.register();
        this.resizableTo = bar == null ? 0 : bar.register() + (bar.space() == Bar.Space.MEMORY_64 ? 8 : 4);
        this.chosenSize = one == null ? 0 : function.offset(one) + ResizableBar.CHOSEN;
    }

    void read(long offset, MemorySegment data, long dataOffset, int length) {
        for (int i = 0; i < length; i++) {
            data.set(JAVA_BYTE, dataOffset + i, read((int) offset + i));
        }
    }

    void write(long offset, MemorySegment data, long dataOffset, int length) {
        for (int i = 0; i < length; i++) {
            write((int) offset + i, data.get(JAVA_BYTE, dataOffset + i));
        }
    }

    void reset() {
        for (int i = 0; i < bytes.length; i++) {
            BYTE.setVolatile(bytes, i, image.values[i]);
        }
    }

    byte[] bytes() {
        return bytes.clone();
    }

    /** Restores the writable bits; all others stay as this version of the driver declares them. */
    void restore(byte[] saved) throws ErrnoException {
        if (saved.length != bytes.length) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    "the saved configuration space has " + saved.length + " bytes, this one " + bytes.length);
        }
        for (int i = 0; i < bytes.length; i++) {
            int changing = image.writable[i] | image.clearable[i];
            BYTE.setVolatile(bytes, i, (byte) ((image.values[i] & ~changing) | (saved[i] & changing)));
        }
    }

    /** Reports an error: sets RW1C bits of STATUS. */
    void raiseStatus(int errors) {
        int bits = errors & Header.STATUS_ERRORS;
        BYTE.getAndBitwiseOr(bytes, Header.STATUS, (byte) bits);
        BYTE.getAndBitwiseOr(bytes, Header.STATUS + 1, (byte) (bits >> 8));
    }

    /** Whether any of the bits is set in the 16-bit register at an offset. */
    boolean has(int at, int bits) {
        return (((read(at) & 0xff) | (read(at + 1) << Byte.SIZE)) & bits) != 0;
    }

    /** Reads a register; each byte that another thread is writing may have its old or its new value. */
    long get(int at, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (long) (read(at + i) & 0xff) << (Byte.SIZE * i);
        }
        return value;
    }

    /** Sets a register, including bits that the guest cannot write. */
    void set(int at, int size, long value) {
        for (int i = 0; i < size; i++) {
            BYTE.setVolatile(bytes, at + i, (byte) (value >> (Byte.SIZE * i)));
        }
    }

    private byte read(int at) {
        int undecoded = image.writable[at] & ~writable(at);
        return (byte) (((byte) BYTE.getVolatile(bytes, at) & ~undecoded) | live.applyAsInt(at));
    }

    private int writable(int at) {
        int bits = image.writable[at];
        return resizable == null || at < resizableFrom || at >= resizableTo
                ? bits
                : bits
                        & (int) (-resizable.size((byte) BYTE.getVolatile(bytes, chosenSize))
                                >> (Byte.SIZE * (at - resizableFrom)));
    }

    private void write(int at, byte value) {
        int writable = writable(at);
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
