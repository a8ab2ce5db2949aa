package vendor.mtty;

/**
 * The characters that the CPU has not read: 16, or one while the FIFOs are off. An error belongs to its character and
 * is told when that one comes to the top (data sheet, 8.4). Guarded by the port's lock.
 */
final class ReceiveFifo {
    static final int DEPTH = 16;

    private static final int CHARACTER = 0xff;
    private static final int ERRORS_SHIFT = 8;

    /** Character and, above it, its error bits as in LSR. */
    private final short[] entries = new short[DEPTH];

    private int depth;
    private int head;
    private int size;
    private int faulty;

    /** Empties it. */
    void clear(int newDepth) {
        depth = newDepth;
        head = 0;
        size = 0;
        faulty = 0;
    }

    void clear() {
        clear(depth);
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

    /** Takes in a character, when not full. */
    void add(int character, int errors) {
        entries[(head + size++) % DEPTH] = (short) (character | (errors << ERRORS_SHIFT));
        faulty += errors == 0 ? 0 : 1;
    }

    /** The next character; 0 when there is none, where the data sheet leaves the value open. */
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

    /** The errors of the character at the top, once. */
    int takeErrors() {
        int errors = size == 0 ? 0 : entries[head] >> ERRORS_SHIFT;
        if (errors != 0) {
            entries[head] &= CHARACTER;
            faulty--;
        }
        return errors;
    }
}
