package mdev.pci;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Configuration space after power-on, with the bits that can be written and those that writing 1 clears. Built once,
 * then only read.
 */
final class ConfigImage {
    final byte[] values = new byte[Header.CONFIG_SIZE];
    final byte[] writable = new byte[Header.CONFIG_SIZE];
    final byte[] clearable = new byte[Header.CONFIG_SIZE];
    private final boolean[] used = new boolean[Header.CONFIG_SIZE];
    private final int[] capabilities = new int[1 << Byte.SIZE];

    /** Puts a register down; nothing may be there yet. */
    void put(int offset, int size, int value, int writableBits) {
        if (offset < 0 || offset > Header.CONFIG_SIZE - size) {
            throw new IllegalArgumentException("%d bytes at 0x%x: beyond configuration space".formatted(size, offset));
        }
        for (int i = 0; i < size; i++) {
            if (used[offset + i]) {
                throw new IllegalArgumentException("0x%x is declared twice".formatted(offset + i));
            }
            used[offset + i] = true;
            values[offset + i] = (byte) (value >> (8 * i));
            writable[offset + i] = (byte) (writableBits >> (8 * i));
        }
    }

    /** Names the bits that writing 1 clears. */
    void clearable(int offset, int size, int bits) {
        for (int i = 0; i < size; i++) {
            clearable[offset + i] = (byte) (bits >> (8 * i));
        }
    }

    /**
     * Puts the capabilities where there is room behind the header, each pointing to the next.
     *
     * @return the offset of the first; 0 for none
     */
    int chain(List<Capability> declared) {
        int next = 0;
        for (Capability capability : declared.reversed()) {
            int at = room(capability.length());
            put(at, 1, capability.id(), 0);
            put(at + 1, 1, next, 0);
            capability.layOut((offset, size, value, writableBits) -> put(at + offset, size, value, writableBits));
            // Reserved bytes of the capability are taken too.
            for (int i = 0; i < capability.length(); i++) {
                used[at + i] = true;
            }
            capabilities[capability.id()] = at;
            next = at;
        }
        return next;
    }

    /** Where the capability of an id lies; 0 if there is none. */
    int capability(int id) {
        return capabilities[id];
    }

    private int room(int length) {
        for (int at = Header.SIZE; at + length <= Header.CONFIG_SIZE; at += 4) {
            int from = at;
            if (IntStream.range(from, from + length).noneMatch(i -> used[i])) {
                return at;
            }
        }
        throw new IllegalArgumentException("no room for a capability of " + length + " bytes");
    }
}
