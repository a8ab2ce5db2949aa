package mdev.pci;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import mdev.pci.Capability.Express;
import mdev.pci.Capability.Msi;
import mdev.pci.Capability.MsiX;
import mdev.pci.ExtendedCapability.ResizableBar;
import org.jspecify.annotations.Nullable;

/**
 * The declaration of a PCI function, which its configuration space is built from; one per kind of device.
 *
 * <p>COMMAND implements the bits that the declaration needs; the others are hard-wired to 0, as the specification
 * allows (6.2.2): I/O and memory decoding with a BAR of that space, bus mastering if declared or needed by messages,
 * INTx disable with an interrupt pin.
 */
public final class PciFunction {
    /** The DEVSEL timing in STATUS. */
    public enum Devsel {
        FAST(0x000),
        MEDIUM(0x200),
        SLOW(0x400);

        private final int status;

        Devsel(int status) {
            this.status = status;
        }
    }

    /** The interrupt pin. */
    public enum Pin {
        NONE(0),
        INTA(1),
        INTB(2),
        INTC(3),
        INTD(4);

        private final int number;

        Pin(int number) {
            this.number = number;
        }
    }

    private final ConfigImage image;
    private final List<Bar> bars;
    private final Pin pin;
    private final int hiddenMsi;
    private final @Nullable Msi msi;
    private final @Nullable MsiX msix;
    private final @Nullable Express express;
    private final @Nullable ResizableBar resizable;
    private final byte @Nullable [] rom;

    private PciFunction(Builder builder) {
        image = builder.image();
        bars = List.copyOf(builder.bars);
        pin = builder.pin;
        hiddenMsi = builder.hiddenMsi;
        msi = builder.only(Msi.class);
        msix = builder.only(MsiX.class);
        express = builder.only(Express.class);
        resizable = builder.only(ResizableBar.class);
        rom = builder.rom;
    }

    /** Begins the declaration of a function with the given ids. */
    public static Builder of(int vendor, int device) {
        return new Builder(vendor, device);
    }

    ConfigImage image() {
        return image;
    }

    /** The BARs in the order of their declaration. */
    public List<Bar> bars() {
        return bars;
    }

    /** The BAR with an index. */
    Bar bar(int index) {
        return bars.stream().filter(bar -> bar.index() == index).findFirst().orElseThrow();
    }

    public Pin pin() {
        return pin;
    }

    /** The number of MSI vectors that a user can arm. */
    public int msiVectors() {
        return msi == null ? hiddenMsi : Math.max(hiddenMsi, msi.vectors());
    }

    /** The number of MSI-X vectors that a user can arm. */
    public int msixVectors() {
        return msix == null ? 0 : msix.vectors();
    }

    @Nullable
    Msi msi() {
        return msi;
    }

    @Nullable
    MsiX msix() {
        return msix;
    }

    @Nullable
    Express express() {
        return express;
    }

    @Nullable
    ResizableBar resizable() {
        return resizable;
    }

    /** The expansion ROM, padded to the size of its BAR; null for none. */
    byte @Nullable [] rom() {
        return rom;
    }

    /** The size of configuration space in bytes: 256, or 4096 with PCI Express. */
    public int configSize() {
        return image.values.length;
    }

    /**
     * The offset of a capability in configuration space.
     *
     * @param capability the declared object
     * @throws IllegalArgumentException it was not declared
     */
    public int offset(Capability capability) {
        return image.offset(capability);
    }

    /**
     * Builds the declaration. An invalid declaration is an {@link IllegalArgumentException}, of the method concerned or
     * of {@link #build()}.
     */
    public static final class Builder {
        private record Bytes(int offset, String data) {}

        private final int vendor;
        private final int device;
        private int revision;
        private int classCode;
        private int subsystemVendor;
        private int subsystem;
        private Devsel devsel = Devsel.FAST;
        private boolean decoding;
        private boolean busMaster;
        private Pin pin = Pin.NONE;
        private int hiddenMsi;
        private byte @Nullable [] rom;
        private final List<Bar> bars = new ArrayList<>();
        private final List<Capability> capabilities = new ArrayList<>();
        private final List<ExtendedCapability> extended = new ArrayList<>();
        private final List<Bytes> deviceSpecific = new ArrayList<>();

        private Builder(int vendor, int device) {
            this.vendor = id("vendor", vendor);
            this.device = id("device", device);
        }

        /** The revision, 8 bits. */
        public Builder revision(int revision) {
            this.revision = ConfigImage.bits("revision", revision, 8);
            return this;
        }

        /**
         * Base class, subclass and programming interface, as one 24-bit number: 0x070002 is a 16550 serial controller.
         */
        public Builder classCode(int classCode) {
            this.classCode = ConfigImage.bits("class code", classCode, 24);
            return this;
        }

        public Builder subsystem(int vendor, int id) {
            subsystemVendor = id("subsystem vendor", vendor);
            subsystem = id("subsystem", id);
            return this;
        }

        public Builder devsel(Devsel devsel) {
            this.devsel = devsel;
            return this;
        }

        /**
         * Decodes I/O and memory from power-on: the COMMAND bits are set, although the specification has them clear.
         */
        public Builder decodingAtPowerOn() {
            decoding = true;
            return this;
        }

        /** The device does DMA: implements Bus Master Enable, which memory accesses need. */
        public Builder busMaster() {
            busMaster = true;
            return this;
        }

        public Builder interruptPin(Pin pin) {
            this.pin = pin;
            return this;
        }

        /**
         * MSI vectors for a VFIO user without an MSI capability in configuration space, as in the kernel's sample.
         */
        public Builder hiddenMsi(int vectors) {
            hiddenMsi = vectors;
            return this;
        }

        public Builder bar(Bar bar) {
            bars.add(bar);
            return this;
        }

        /**
         * An expansion ROM (6.3), read-only, served by the toolkit. The size of its BAR is that of the image rounded up
         * to a power of two, at least 2 KiB; the rest reads as 0xff. The image is not checked: firmware runs it if its
         * header matches.
         *
         * @param image 1 byte to 16 MiB
         */
        public Builder rom(byte[] image) {
            if (image.length == 0 || image.length > 16 << 20) {
                throw new IllegalArgumentException("a ROM of " + image.length + " bytes: 1 byte to 16 MiB are right");
            }
            byte[] padded = Arrays.copyOf(image, Math.max(2048, Integer.highestOneBit(2 * image.length - 1)));
            Arrays.fill(padded, image.length, padded.length, (byte) 0xff);
            rom = padded;
            return this;
        }

        /**
         * Appends to the capability list or to the extended capability list. The toolkit implements the capabilities
         * that it declares itself; of others it keeps the bits.
         */
        public Builder capability(Capability capability) {
            if (capability instanceof ExtendedCapability one) {
                extended.add(one);
            } else {
                capabilities.add(capability);
            }
            return this;
        }

        /**
         * Adds read-only bytes after the header.
         *
         * @param offset 0x40 to 0xff
         * @param data one {@code char} per byte (ISO 8859-1)
         */
        public Builder deviceSpecific(int offset, String data) {
            deviceSpecific.add(new Bytes(offset, data));
            return this;
        }

        public PciFunction build() {
            MsiX messages = only(MsiX.class);
            if (messages != null) {
                check(messages);
            }
            ResizableBar resizable = only(ResizableBar.class);
            if (resizable != null
                    && bars.stream()
                            .noneMatch(bar -> bar.index() == resizable.bar()
                                    && bar.space() != Bar.Space.IO
                                    && bar.size() == resizable.largest())) {
                throw new IllegalArgumentException(resizable + ": there is no such memory BAR");
            }
            if (!extended.isEmpty() && only(Express.class) == null) {
                throw new IllegalArgumentException(extended + ": only with PCI Express");
            }
            return new PciFunction(this);
        }

        /** Finds a capability that a function has at most once. */
        private <T extends Capability> @Nullable T only(Class<T> kind) {
            List<T> all = Stream.concat(capabilities.stream(), extended.stream())
                    .filter(kind::isInstance)
                    .map(kind::cast)
                    .toList();
            if (all.size() > 1) {
                throw new IllegalArgumentException(all + ": a function has one at most");
            }
            return all.isEmpty() ? null : all.getFirst();
        }

        private void check(MsiX msix) {
            check("table", msix.tableBar(), msix.tableOffset(), msix.tableSize());
            check("pending bits", msix.pendingBar(), msix.pendingOffset(), msix.pendingSize());
            if (msix.tableBar() == msix.pendingBar()
                    && msix.tableOffset() < msix.pendingOffset() + msix.pendingSize()
                    && msix.pendingOffset() < msix.tableOffset() + msix.tableSize()) {
                throw new IllegalArgumentException(msix + ": table and pending bits overlap");
            }
        }

        private void check(String structure, int index, int offset, int size) {
            if (bars.stream()
                    .noneMatch(bar -> bar.index() == index
                            && bar.space() != Bar.Space.IO
                            && offset >= 0
                            && size <= bar.size() - offset)) {
                throw new IllegalArgumentException("the MSI-X %s: no memory BAR%d with %d bytes at 0x%x"
                        .formatted(structure, index, size, offset));
            }
        }

        private ConfigImage image() {
            var image = new ConfigImage(only(Express.class) == null ? Header.CONFIG_SIZE : Header.EXPRESS_CONFIG_SIZE);
            image.put(Header.VENDOR_ID, 2, vendor, 0);
            image.put(Header.DEVICE_ID, 2, device, 0);
            image.put(Header.COMMAND, 2, decoding ? decodable() : 0, commandMask());
            image.put(Header.REVISION_ID, 1, revision, 0);
            image.put(Header.CLASS, 3, classCode, 0);
            bars.forEach(bar -> putBar(image, bar));
            if (rom != null) {
                image.put(Header.ROM_ADDRESS, 4, 0, -rom.length | Header.ROM_ENABLE);
            }
            image.put(Header.SUBSYSTEM_VENDOR_ID, 2, subsystemVendor, 0);
            image.put(Header.SUBSYSTEM_ID, 2, subsystem, 0);
            image.put(Header.INTERRUPT_LINE, 1, 0, 0xff);
            image.put(Header.INTERRUPT_PIN, 1, pin.number, 0);
            deviceSpecific.forEach(bytes -> putBytes(image, bytes));
            image.chainExtended(extended);
            int first = image.chain(capabilities);
            image.put(Header.CAPABILITY_LIST, 1, first, 0);
            image.put(Header.STATUS, 2, devsel.status | (first == 0 ? 0 : Header.STATUS_CAPABILITY_LIST), 0);
            image.clearable(Header.STATUS, 2, Header.STATUS_ERRORS);
            return image;
        }

        private int decodable() {
            return bars.stream()
                    .mapToInt(bar -> bar.space() == Bar.Space.IO ? Header.COMMAND_IO : Header.COMMAND_MEMORY)
                    .reduce(rom == null ? 0 : Header.COMMAND_MEMORY, (a, b) -> a | b);
        }

        private int commandMask() {
            boolean messages = capabilities.stream().anyMatch(c -> c instanceof Msi || c instanceof MsiX);
            return decodable()
                    | (busMaster || messages ? Header.COMMAND_MASTER : 0)
                    | (pin == Pin.NONE ? 0 : Header.COMMAND_INTX_DISABLE);
        }

        /** A resizable BAR gets the address bits of its smallest size; {@link ConfigSpace} masks them. */
        private void putBar(ConfigImage image, Bar bar) {
            ResizableBar resizable = only(ResizableBar.class);
            long mask = resizable != null && resizable.bar() == bar.index() ? -resizable.smallest() : -bar.size();
            image.put(bar.register(), 4, bar.flags(), (int) mask);
            if (bar.space() == Bar.Space.MEMORY_64) {
                image.put(bar.register() + 4, 4, 0, (int) (mask >>> 32));
            }
        }

        private static void putBytes(ConfigImage image, Bytes bytes) {
            if (bytes.offset() < Header.SIZE || bytes.offset() + bytes.data().length() > Header.CONFIG_SIZE) {
                throw new IllegalArgumentException(
                        "device-specific bytes at 0x%x: from 0x40 to 0xff are right".formatted(bytes.offset()));
            }
            for (int i = 0; i < bytes.data().length(); i++) {
                image.put(
                        bytes.offset() + i,
                        1,
                        ConfigImage.bits("a byte", bytes.data().charAt(i), 8),
                        0);
            }
        }

        private static int id(String what, int value) {
            return ConfigImage.bits(what, value, 16);
        }
    }
}
