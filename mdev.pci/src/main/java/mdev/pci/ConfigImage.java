package mdev.pci;

import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Configuration space after power-on, with the masks of the writable and of the RW1C bits. Immutable once built.
 */
final class ConfigImage {
    /** The size of a capability's header: its id and the offset of the next capability. */
    private static final int CAPABILITY_HEADER = 2;

    private static final int EXTENDED_HEADER = 4;

    final byte[] values;
    final byte[] writable;
    final byte[] clearable;
    private final boolean[] used;
    private final IdentityHashMap<Capability, Integer> offsets = new IdentityHashMap<>();

    ConfigImage(int size) {
        values = new byte[size];
        writable = new byte[size];
        clearable = new byte[size];
        used = new boolean[size];
    }

    /** Adds a register; its bytes must be free. */
    void put(int offset, int size, int value, int writableBits) {
        if (offset < 0 || offset > values.length - size) {
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

    /** Declares RW1C bits. */
    void clearable(int offset, int size, int bits) {
        for (int i = 0; i < size; i++) {
            clearable[offset + i] = (byte) (bits >> (8 * i));
        }
    }

    /**
     * Places the capabilities in free space after the header, each pointing to the next.
     *
     * @return the offset of the first; 0 if there is none
     */
    int chain(List<Capability> declared) {
        int next = 0;
        for (Capability capability : declared.reversed()) {
            int at = room(capability.length());
            put(at, 1, bits("a capability id", capability.id(), Byte.SIZE), 0);
            put(at + 1, 1, next, 0);
            fill(capability, at, CAPABILITY_HEADER);
            next = at;
        }
        return next;
    }

    /** Places the extended capabilities one after the other; the first must be at 0x100. */
    void chainExtended(List<ExtendedCapability> declared) {
        int at = Header.CONFIG_SIZE;
        for (Iterator<ExtendedCapability> left = declared.iterator(); left.hasNext(); ) {
            ExtendedCapability capability = left.next();
            int end = at + ((capability.length() + 3) & ~3);
            int next = left.hasNext() ? end : 0;
            int id = bits("an extended capability id", capability.id(), Short.SIZE);
            put(at, EXTENDED_HEADER, id | (bits("a version", capability.version(), 4) << 16) | (next << 20), 0);
            fill(capability, at, EXTENDED_HEADER);
            at = end;
        }
    }

    private void fill(Capability capability, int at, int header) {
        if (capability.length() < header || capability.length() > values.length - at) {
            throw new IllegalArgumentException("no room for a capability of " + capability.length() + " bytes");
        }
        capability.layOut(new Capability.Layout() {
            @Override
            public void put(int offset, int size, int value, int writableBits) {
                if (offset < header || offset > capability.length() - size) {
                    throw new IllegalArgumentException(
                            "%s: %d bytes at %d are not inside behind the header".formatted(capability, size, offset));
                }
                ConfigImage.this.put(at + offset, size, value, writableBits);
            }

            @Override
            public void clearable(int offset, int size, int bits) {
                ConfigImage.this.clearable(at + offset, size, bits);
            }
        });
        // Reserved bytes of the capability count as used.
        for (int i = 0; i < capability.length(); i++) {
            used[at + i] = true;
        }
        offsets.put(capability, at);
    }

    /** The offset of a capability. */
    int offset(Capability capability) {
        Integer at = offsets.get(capability);
        if (at == null) {
            throw new IllegalArgumentException(capability + " is not declared");
        }
        return at;
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

    /** Checks that a value fits its field. */
    static int bits(String what, int value, int bits) {
        if (value >>> bits != 0) {
            throw new IllegalArgumentException("%s 0x%x: %d bits are right".formatted(what, value, bits));
        }
        return value;
    }
}
