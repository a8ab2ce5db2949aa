package mdev.pci;

import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/**
 * The MSI-X vector table (PCI Local Bus 3.0, 6.8.2): address, data and mask of each vector.
 *
 * <p>A user of VFIO may keep the table to himself: QEMU emulates it for its guest, and only arms the vectors that the
 * guest has unmasked. Then the mask bits here say nothing. So they count from the user's first write to the table on.
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

    /** A user comes who has not written to it. */
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

    /** What is narrower than a number is undefined by the specification, and does nothing. */
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
