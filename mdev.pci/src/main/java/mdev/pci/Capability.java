package mdev.pci;

/**
 * An entry of the capability list (PCI Local Bus 3.0, 6.7). {@link PciFunction} chains them in the order of their
 * declaration.
 */
public sealed interface Capability {
    /** The capability id. */
    int id();

    /** The length with the two header bytes. */
    int length();

    /** Puts down what follows the header; offsets count from the header. */
    void layOut(Layout at);

    /** Where a capability puts its registers. */
    @FunctionalInterface
    interface Layout {
        /**
         * @param offset from the capability's begin
         * @param size in bytes, 1 to 4
         * @param value after power-on
         * @param writable the bits that the guest can write
         */
        void put(int offset, int size, int value, int writable);
    }

    /**
     * Power management (PCI PM 1.2): D0 and D3hot; going back to D0 keeps the state.
     */
    record PowerManagement() implements Capability {
        private static final int VERSION = 0x3;
        private static final int NO_SOFT_RESET = 0x8;
        private static final int POWER_STATE = 0x3;

        @Override
        public int id() {
            return 0x01;
        }

        @Override
        public int length() {
            return 8;
        }

        @Override
        public void layOut(Layout at) {
            at.put(2, 2, VERSION, 0);
            at.put(4, 2, NO_SOFT_RESET, POWER_STATE);
        }
    }

    /**
     * MSI with 64-bit addresses (6.8.1).
     *
     * @param vectors 1, 2, 4, 8, 16 or 32
     * @param maskable whether the guest can mask each vector; one that is masked becomes pending
     */
    record Msi(int vectors, boolean maskable) implements Capability {
        static final int CONTROL = 2;
        static final int ENABLE = 0x1;
        static final int MASK_BITS = 16;
        static final int PENDING_BITS = 20;

        private static final int MULTIPLE_ENABLE = 0x70;
        private static final int ADDRESS_64 = 0x80;
        private static final int MASKABLE = 0x100;

        /** Vectors that cannot be masked. */
        public Msi(int vectors) {
            this(vectors, false);
        }

        public Msi {
            if (Integer.bitCount(vectors) != 1 || vectors < 1 || vectors > 32) {
                throw new IllegalArgumentException(vectors + " MSI vectors: 1, 2, 4, 8, 16 or 32");
            }
        }

        @Override
        public int id() {
            return 0x05;
        }

        @Override
        public int length() {
            return maskable ? 24 : 14;
        }

        @Override
        public void layOut(Layout at) {
            int multipleCapable = Integer.numberOfTrailingZeros(vectors) << 1;
            int control = multipleCapable | ADDRESS_64 | (maskable ? MASKABLE : 0);
            at.put(CONTROL, 2, control, ENABLE | MULTIPLE_ENABLE);
            at.put(4, 4, 0, ~0x3);
            at.put(8, 4, 0, ~0);
            at.put(12, 2, 0, 0xffff);
            if (maskable) {
                at.put(MASK_BITS, 4, 0, -1 >>> (Integer.SIZE - vectors));
                at.put(PENDING_BITS, 4, 0, 0);
            }
        }
    }

    /**
     * MSI-X (6.8.2). Table and pending bits lie in memory BARs of the device; the toolkit answers there, the vendor's
     * region in the rest.
     *
     * @param vectors 1 to 2048
     * @param tableBar the BAR of the table
     * @param tableOffset in that BAR, a multiple of 8
     * @param pendingBar the BAR of the pending bit array
     * @param pendingOffset in that BAR, a multiple of 8
     */
    record MsiX(int vectors, int tableBar, int tableOffset, int pendingBar, int pendingOffset) implements Capability {
        static final int CONTROL = 2;
        static final int ENABLE = 0x8000;
        static final int FUNCTION_MASK = 0x4000;

        public MsiX {
            if (vectors < 1 || vectors > 2048) {
                throw new IllegalArgumentException(vectors + " MSI-X vectors: 1 to 2048");
            }
            if ((tableOffset & 7) != 0 || (pendingOffset & 7) != 0) {
                throw new IllegalArgumentException("MSI-X table and pending bits lie on multiples of 8");
            }
        }

        int tableSize() {
            return vectors * MsixTable.ENTRY;
        }

        int pendingSize() {
            return (vectors + Long.SIZE - 1) / Long.SIZE * Long.BYTES;
        }

        @Override
        public int id() {
            return 0x11;
        }

        @Override
        public int length() {
            return 12;
        }

        @Override
        public void layOut(Layout at) {
            at.put(CONTROL, 2, vectors - 1, ENABLE | FUNCTION_MASK);
            at.put(4, 4, tableOffset | tableBar, 0);
            at.put(8, 4, pendingOffset | pendingBar, 0);
        }
    }

    /**
     * Vendor-specific data, read-only.
     *
     * @param data what follows the length byte; one {@code char} per byte (ISO 8859-1)
     */
    record VendorSpecific(String data) implements Capability {
        @Override
        public int id() {
            return 0x09;
        }

        @Override
        public int length() {
            return 3 + data.length();
        }

        @Override
        public void layOut(Layout at) {
            at.put(2, 1, length(), 0);
            for (int i = 0; i < data.length(); i++) {
                at.put(3 + i, 1, data.charAt(i), 0);
            }
        }
    }
}
