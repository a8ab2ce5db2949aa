package mdev.pci;

/**
 * An entry of the extended capability list (PCI Express Base 3.0, 7.9.2), which begins at 0x100. Requires
 * {@link Capability.Express}. The id has 16 bits, the header four bytes.
 */
public interface ExtendedCapability extends Capability {
    /** The version of the capability's structure, 1 to 15. */
    default int version() {
        return 1;
    }

    /** The serial number of the device (7.12): an EUI-64, most significant byte first. */
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
     * A BAR whose size the guest chooses (7.22), from {@code smallest} to the declared size, which is the size after
     * power-on. The VFIO region always has the declared size; the BAR decodes the chosen size. The specification leaves
     * a size out of the range undefined: the toolkit takes the nearest valid size.
     *
     * @param bar the index of a memory BAR of 1 MiB to 512 GiB
     * @param smallest in bytes, a power of two, at least 1 MiB
     * @param largest in bytes: the BAR's size
     */
    record ResizableBar(int bar, long smallest, long largest) implements ExtendedCapability {
        /** The byte with the chosen size: 0 is 1 MiB, 1 is 2 MiB. */
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

        /** Decodes the byte with the chosen size. */
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
            // Bit 4 is 1 MiB. All powers of two from smallest to largest are supported.
            at.put(4, 4, (int) ((2 * largest - smallest) >>> (MIB - 4)), 0);
            at.put(8, 1, bar | (1 << 5), 0); // one BAR
            at.put(CHOSEN, 1, Long.numberOfTrailingZeros(largest) - MIB, SIZE_BITS);
        }
    }
}
