package vendor.mtty;

import java.util.stream.IntStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/**
 * The characters not yet read by the CPU: up to 16, or one while the FIFOs are off. An error belongs to a character and
 * is reported when that character reaches the top (data sheet, 8.4). Guarded by the port's lock.
 */
final class ReceiveFifo {
    static final int DEPTH = 16;

    private static final int CHARACTER = 0xff;
    private static final int ERRORS_SHIFT = 8;

    /** The character in the low byte, its error bits as in LSR in the high byte. */
    private final short[] entries = new short[DEPTH];

    private int depth;
    private int head;
    private int size;
    private int faulty;

    /** Empties the FIFO. */
    void clear(int newDepth) {
        depth = newDepth;
        head = 0;
        size = 0;
        faulty = 0;
    }

    void clear() {
        clear(depth);
    }

    /** The depth, and the characters with their errors, the oldest first. */
    DeviceState save() {
        return DeviceState.version(1)
                .with("depth", depth)
                .with(
                        "entries",
                        IntStream.range(0, size)
                                .mapToObj(i -> entries[(head + i) % DEPTH] & 0xffff)
                                .toList());
    }

    void restore(DeviceState state) throws ErrnoException {
        clear(state.number("depth", 1, DEPTH));
        for (Object entry : state.list("entries")) {
            if (isFull() || !(entry instanceof Long value)) {
                throw new ErrnoException(Errno.EINVAL, "state: entries are not " + depth + " characters at most");
            }
            add(value.intValue() & CHARACTER, value.intValue() >> ERRORS_SHIFT);
        }
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    boolean isFull() {
        return size == depth;
    }

    /** Whether a character that is not yet at the top has an error. */
    boolean hasErrors() {
        return faulty > 0;
    }

    /** Adds a character; the FIFO must not be full. */
    void add(int character, int errors) {
        entries[(head + size++) % DEPTH] = (short) (character | (errors << ERRORS_SHIFT));
        faulty += errors == 0 ? 0 : 1;
    }

    /** Removes and returns the next character; 0 if empty, a value that the data sheet leaves undefined. */
    int remove() {
        if (size == 0) {
            return 0;
        }
        takeErrors();
        int character = entries[head] & CHARACTER;
        head = (head + 1) % DEPTH;
        size--;
        return character;
    }

    /** Returns and clears the errors of the character at the top. */
    int takeErrors() {
        int errors = size == 0 ? 0 : entries[head] >> ERRORS_SHIFT;
        if (errors != 0) {
            entries[head] &= CHARACTER;
            faulty--;
        }
        return errors;
    }
}
