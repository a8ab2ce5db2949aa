package mdev.pci;

/** The type 0 header (PCI Local Bus 3.0, 6.1 and 6.2; names as in include/uapi/linux/pci_regs.h). */
final class Header {
    static final int VENDOR_ID = 0x00;
    static final int DEVICE_ID = 0x02;
    static final int COMMAND = 0x04;
    static final int STATUS = 0x06;
    static final int REVISION_ID = 0x08;
    static final int CLASS = 0x09;
    static final int BASE_ADDRESS_0 = 0x10;
    static final int SUBSYSTEM_VENDOR_ID = 0x2c;
    static final int SUBSYSTEM_ID = 0x2e;
    static final int ROM_ADDRESS = 0x30;
    static final int CAPABILITY_LIST = 0x34;
    static final int INTERRUPT_LINE = 0x3c;
    static final int INTERRUPT_PIN = 0x3d;

    /** The first offset after the header. */
    static final int SIZE = 0x40;

    /** The size of configuration space without PCI Express. */
    static final int CONFIG_SIZE = 0x100;

    /** The size of configuration space with PCI Express. */
    static final int EXPRESS_CONFIG_SIZE = 0x1000;

    /** The enable bit of the ROM's register; the other bits are the address. */
    static final int ROM_ENABLE = 0x1;

    static final int COMMAND_IO = 0x1;
    static final int COMMAND_MEMORY = 0x2;
    static final int COMMAND_MASTER = 0x4;
    static final int COMMAND_INTX_DISABLE = 0x400;

    static final int STATUS_INTERRUPT = 0x8;
    static final int STATUS_CAPABILITY_LIST = 0x10;

    /** The RW1C bits of STATUS. */
    static final int STATUS_ERRORS = 0xf900;

    private Header() {}
}
