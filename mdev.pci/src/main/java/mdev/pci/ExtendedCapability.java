package mdev.pci;

/**
 * An entry of the extended capability list (PCI Express Base 3.0, 7.9.2), which begins at 0x100; only for a function
 * with {@link Capability.Express}. Its id has 16 bits and its header four bytes.
 */
public interface ExtendedCapability extends Capability {
    /** The version of the capability's structure, 1 to 15. */
    default int version() {
        return 1;
    }

    /** The serial number of the device (7.12): an EUI-64, its first byte highest. */
    record SerialNumber(long eui64) implements ExtendedCapability {
        @Override
        public int id() {
            return 0x03;
        }

        @Override
        public int length() {
            return 12;
        }

        @Override
        public void layOut(Layout at) {
            at.put(4, 4, (int) eui64, 0);
            at.put(8, 4, (int) (eui64 >>> Integer.SIZE), 0);
        }
    }

    /**
     * A BAR whose size the guest chooses (7.22), from {@code smallest} to the size of its declaration, which it has
     * after power-on. The region of VFIO always has the declared size; the chosen one is what the BAR decodes. A size
     * out of the range is undefined by the specification: the nearest one in it counts.
     *
     * @param bar the index of a memory BAR of 1 MiB to 512 GiB
     * @param smallest in bytes, a power of two, at least 1 MiB
     * @param largest in bytes: the BAR's size
     */
    record ResizableBar(int bar, long smallest, long largest) implements ExtendedCapability {
        /** The byte with the size that the guest has chosen: 0 is 1 MiB, 1 is 2 MiB. */
        static final int CHOSEN = 9;

        private static final int MIB = 20;
        private static final int SIZE_BITS = 0x1f;

        public ResizableBar {
            if (Long.bitCount(smallest) != 1
                    || Long.bitCount(largest) != 1
                    || smallest < 1 << MIB
                    || largest > 512L << 30
                    || smallest > largest) {
                throw new IllegalArgumentException(
                        "BAR%d resizable from %d to %d bytes: powers of two from 1 MiB to 512 GiB are right"
                                .formatted(bar, smallest, largest));
            }
        }

        /** The size that a value of the chosen byte stands for. */
        long size(int chosen) {
            return Math.clamp(1L << (MIB + (chosen & SIZE_BITS)), smallest, largest);
        }

        @Override
        public int id() {
            return 0x15;
        }

        @Override
        public int length() {
            return 12;
        }

        @Override
        public void layOut(Layout at) {
            // Bit 4 is 1 MiB; all powers of two between the two sizes.
            at.put(4, 4, (int) ((2 * largest - smallest) >>> (MIB - 4)), 0);
            at.put(8, 1, bar | (1 << 5), 0); // one BAR
            at.put(CHOSEN, 1, Long.numberOfTrailingZeros(largest) - MIB, SIZE_BITS);
        }
    }
}
