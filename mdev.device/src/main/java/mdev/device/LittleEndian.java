package mdev.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Little-endian numbers, as on PCI and most other buses. */
final class LittleEndian {
    private static final ValueLayout.OfShort SHORT = JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private LittleEndian() {}

    static long get(MemorySegment data, long offset, int size) {
        return switch (size) {
            case 1 -> Byte.toUnsignedLong(data.get(JAVA_BYTE, offset));
            case 2 -> Short.toUnsignedLong(data.get(SHORT, offset));
            case 4 -> Integer.toUnsignedLong(data.get(INT, offset));
            default -> data.get(LONG, offset);
        };
    }

    static void put(MemorySegment data, long offset, int size, long value) {
        switch (size) {
            case 1 -> data.set(JAVA_BYTE, offset, (byte) value);
            case 2 -> data.set(SHORT, offset, (short) value);
            case 4 -> data.set(INT, offset, (int) value);
            default -> data.set(LONG, offset, value);
        }
    }
}
