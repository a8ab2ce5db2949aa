package mdev.pci;

import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.device.Registers;

/**
 * The MSI-X vector table (PCI Local Bus 3.0, 6.8.2): address, data and mask of each vector.
 *
 * <p>A VFIO user may keep the table to itself: QEMU emulates it for its guest, and arms only the vectors that the guest
 * has unmasked. The mask bits here are then meaningless, so they take effect only after the user's first write to the
 * table.
 */
final class MsixTable implements Registers {
    static final int ENTRY = 16;
    private static final int NUMBERS = ENTRY / Integer.BYTES;

    private static final int ADDRESS_LOW = 0;
    private static final int VECTOR_CONTROL = 3;
    private static final int MASKED = 1;

    private final Runnable changed;
    private final AtomicIntegerArray numbers;
    private volatile boolean programmed;

    /** @param changed called after the table was written */
    MsixTable(int vectors, Runnable changed) {
        this.numbers = new AtomicIntegerArray(NUMBERS * vectors);
        this.changed = changed;
        reset();
    }

    boolean masked(int vector) {
        return programmed && (numbers.get(NUMBERS * vector + VECTOR_CONTROL) & MASKED) != 0;
    }

    /** Ignores the mask bits until the new user writes to the table. */
    void forgetUser() {
        programmed = false;
    }

    @Override
    public void reset() {
        programmed = false;
        for (int i = 0; i < numbers.length(); i++) {
            numbers.set(i, i % NUMBERS == VECTOR_CONTROL ? MASKED : 0);
        }
    }

    @Override
    public DeviceState save() {
        return DeviceState.version(1)
                .with("programmed", programmed)
                .with(
                        "entries",
                        IntStream.range(0, numbers.length())
                                .mapToObj(numbers::get)
                                .toList());
    }

    /** A newer version may have more vectors. */
    @Override
    public void restore(DeviceState state) throws ErrnoException {
        reset();
        List<?> entries = state.list("entries");
        for (int i = 0; i < Math.min(entries.size(), numbers.length()); i++) {
            if (entries.get(i) instanceof Long number) {
                numbers.set(i, number.intValue());
            }
        }
        programmed = state.flag("programmed");
    }

    @Override
    public long read(long offset, int size) {
        return Integer.toUnsignedLong(numbers.get((int) offset / Integer.BYTES)) >>> (8 * (offset % Integer.BYTES));
    }

    /** Ignores accesses narrower than a field, which the specification leaves undefined. */
    @Override
    public void write(long offset, int size, long value) {
        if (size < Integer.BYTES) {
            return;
        }
        int at = (int) offset / Integer.BYTES;
        int writable = switch (at % NUMBERS) {
            case ADDRESS_LOW -> ~0x3;
            case VECTOR_CONTROL -> MASKED;
            default -> ~0;
        };
        numbers.set(at, (int) value & writable);
        programmed = true;
        changed.run();
    }
}
