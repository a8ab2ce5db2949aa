package mdev.pci;

/**
 * An entry of the capability list (PCI Local Bus 3.0, 6.7). {@link PciFunction} chains them in the order of their
 * declaration. A vendor can add capabilities of its own: registers whose bits the guest reads and writes as declared;
 * {@link PciDevice#configWritten} tells it of each write.
 */
public interface Capability {
    /** The capability id, 1 to 255. */
    int id();

    /** The length in bytes, including the header of two bytes. */
    int length();

    /** Declares the registers after the header; offsets are relative to the header. */
    void layOut(Layout at);

    /** Receives the registers of a capability. Bytes without a register read as 0. */
    interface Layout {
        /**
         * @param offset relative to the header
         * @param size in bytes, 1 to 4
         * @param value after power-on
         * @param writable a mask of the bits that the guest can write
         * @throws IllegalArgumentException a byte is declared twice, or lies beyond configuration space
         */
        void put(int offset, int size, int value, int writable);

        /** Declares RW1C bits: the device sets them, the guest clears them by writing 1. */
        void clearable(int offset, int size, int bits);
    }

    /**
     * PCI Express (PCI Express Base 3.0, 7.8), version 2: gives the function 4 KiB of configuration space, and a reset
     * that the guest can start (Function Level Reset). Without a link, the function is a root complex integrated
     * endpoint.
     *
     * @param linkSpeed 1 to 6: 2.5, 5, 8, 16, 32, 64 GT/s; 0 for no link
     * @param linkWidth 1, 2, 4, 8, 12, 16 or 32 lanes; 0 for no link
     */
    record Express(int linkSpeed, int linkWidth) implements Capability {
        /** The byte of Device Control whose highest bit is Initiate Function Level Reset. */
        static final int RESET = 9;

        private static final int VERSION = 2;
        private static final int INTEGRATED_ENDPOINT = 9 << 4;
        private static final int ROLE_BASED_ERRORS = 1 << 15;
        private static final int FUNCTION_LEVEL_RESET = 1 << 28;

        /** After power-on: relaxed ordering, no snoop, read requests of 512 bytes (7.8.4). */
        private static final int DEVICE_CONTROL = 0x2810;

        /** Error reports, relaxed ordering, no snoop, the size of read requests. */
        private static final int DEVICE_CONTROL_BITS = 0x781f;

        private static final int DEVICE_STATUS_ERRORS = 0xf;

        /** ASPM, read completion boundary, common clock, extended synch. */
        private static final int LINK_CONTROL_BITS = 0xcb;

        private static final int COMPLETION_TIMEOUT_DISABLE = 0x10;

        public Express {
            boolean link = linkSpeed >= 1 && linkSpeed <= 6 && (Integer.bitCount(linkWidth) == 1 || linkWidth == 12);
            if (!(link && linkWidth <= 32) && (linkSpeed | linkWidth) != 0) {
                throw new IllegalArgumentException(
                        "a link of speed %d and %d lanes: speed 1 to 6, 1, 2, 4, 8, 12, 16 or 32 lanes; or 0 and 0"
                                .formatted(linkSpeed, linkWidth));
            }
        }

        @Override
        public int id() {
            return 0x10;
        }

        @Override
        public int length() {
            return 0x3c;
        }

        @Override
        public void layOut(Layout at) {
            int link = linkSpeed | (linkWidth << 4);
            at.put(0x02, 2, VERSION | (link == 0 ? INTEGRATED_ENDPOINT : 0), 0);
            at.put(0x04, 4, ROLE_BASED_ERRORS | FUNCTION_LEVEL_RESET, 0);
            at.put(0x08, 2, DEVICE_CONTROL, DEVICE_CONTROL_BITS);
            at.put(0x0a, 2, 0, 0);
            at.clearable(0x0a, 2, DEVICE_STATUS_ERRORS);
            at.put(0x24, 4, COMPLETION_TIMEOUT_DISABLE, 0);
            at.put(0x28, 2, 0, COMPLETION_TIMEOUT_DISABLE);
            if (link != 0) {
                at.put(0x0c, 4, link, 0);
                at.put(0x10, 2, 0, LINK_CONTROL_BITS);
                at.put(0x12, 2, link, 0);
                at.put(0x2c, 4, ((1 << linkSpeed) - 1) << 1, 0);
                at.put(0x30, 2, linkSpeed, 0xf);
            }
        }
    }

    /**
     * Power management (PCI PM 1.2): D0 and D3hot; a return to D0 keeps the state (No_Soft_Reset).
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
     * @param vectors 1, 2, 4, 8, 16 or 32; the guest may enable fewer
     * @param maskable whether the guest can mask each vector; the message of a masked vector becomes pending
     */
    record Msi(int vectors, boolean maskable) implements Capability {
        static final int CONTROL = 2;
        static final int ENABLE = 0x1;
        static final int MULTIPLE_ENABLE = 0x70;
        static final int MASK_BITS = 16;
        static final int PENDING_BITS = 20;

        private static final int ADDRESS_64 = 0x80;
        private static final int MASKABLE = 0x100;

        /** MSI without per-vector masking. */
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
     * MSI-X (6.8.2). The table and the pending bit array lie in memory BARs of the device; the toolkit handles accesses
     * to them, the vendor's region handles the rest of the BAR.
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
     * @param data the bytes after the length byte; one {@code char} per byte (ISO 8859-1)
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
