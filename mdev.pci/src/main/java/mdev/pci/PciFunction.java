package mdev.pci;

import java.util.ArrayList;
import java.util.List;
import mdev.pci.Capability.Msi;
import mdev.pci.Capability.MsiX;
import org.jspecify.annotations.Nullable;

/**
 * What a PCI function is: the declaration that its configuration space is built from, once per kind of device.
 *
 * <p>COMMAND has the bits that the declaration has a use for, the others are hard-wired to 0 as the specification
 * allows (6.2.2): I/O and memory decoding with a BAR of the kind, bus mastering when declared or needed by messages,
 * INTx disable with an interrupt pin.
 */
public final class PciFunction {
    /** How fast the device answers an address, in STATUS. */
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

    private PciFunction(Builder builder) {
        image = builder.image();
        bars = List.copyOf(builder.bars);
        pin = builder.pin;
        hiddenMsi = builder.hiddenMsi;
        msi = builder.only(Msi.class);
        msix = builder.only(MsiX.class);
    }

    /** A function of the given ids; everything else is declared on the builder. */
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

    public Pin pin() {
        return pin;
    }

    /** How many MSI vectors a user can arm. */
    public int msiVectors() {
        return msi == null ? hiddenMsi : Math.max(hiddenMsi, msi.vectors());
    }

    /** How many MSI-X vectors a user can arm. */
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

    /** Where a capability lies in configuration space; 0 for none. */
    int at(@Nullable Capability capability) {
        return capability == null ? 0 : image.capability(capability.id());
    }

    /**
     * Collects the declaration. What cannot be is refused with an {@link IllegalArgumentException}, here or by
     * {@link #build()}.
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
        private final List<Bar> bars = new ArrayList<>();
        private final List<Capability> capabilities = new ArrayList<>();
        private final List<Bytes> deviceSpecific = new ArrayList<>();

        private Builder(int vendor, int device) {
            this.vendor = id("vendor", vendor);
            this.device = id("device", device);
        }

        /** The revision, 8 bits. */
        public Builder revision(int revision) {
            this.revision = bits("revision", revision, 8);
            return this;
        }

        /**
         * Base class, subclass and programming interface, as one number of 24 bits: 0x070002 is a 16550 serial
         * controller.
         */
        public Builder classCode(int classCode) {
            this.classCode = bits("class code", classCode, 24);
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
         * I/O and memory are decoded from power-on: the COMMAND bits are set, although the specification has them
         * clear.
         */
        public Builder decodingAtPowerOn() {
            decoding = true;
            return this;
        }

        /** The device does DMA: the guest can set Bus Master Enable, without which it reaches no memory. */
        public Builder busMaster() {
            busMaster = true;
            return this;
        }

        public Builder interruptPin(Pin pin) {
            this.pin = pin;
            return this;
        }

        /**
         * MSI vectors for a VFIO user although there is no capability by which a guest would find them: as the sample
         * has it.
         */
        public Builder hiddenMsi(int vectors) {
            hiddenMsi = vectors;
            return this;
        }

        public Builder bar(Bar bar) {
            bars.add(bar);
            return this;
        }

        /** Adds to the capability list, which is in the order of these calls. */
        public Builder capability(Capability capability) {
            capabilities.add(capability);
            return this;
        }

        /**
         * Read-only bytes behind the header.
         *
         * @param offset 0x40 or more
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
            return new PciFunction(this);
        }

        /** A capability that a function has once at most. */
        private <T extends Capability> @Nullable T only(Class<T> kind) {
            List<T> all = capabilities.stream()
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
            var image = new ConfigImage();
            image.put(Header.VENDOR_ID, 2, vendor, 0);
            image.put(Header.DEVICE_ID, 2, device, 0);
            image.put(Header.COMMAND, 2, decoding ? decodable() : 0, commandMask());
            image.put(Header.REVISION_ID, 1, revision, 0);
            image.put(Header.CLASS, 3, classCode, 0);
            bars.forEach(bar -> putBar(image, bar));
            image.put(Header.SUBSYSTEM_VENDOR_ID, 2, subsystemVendor, 0);
            image.put(Header.SUBSYSTEM_ID, 2, subsystem, 0);
            image.put(Header.INTERRUPT_LINE, 1, 0, 0xff);
            image.put(Header.INTERRUPT_PIN, 1, pin.number, 0);
            deviceSpecific.forEach(bytes -> putBytes(image, bytes));
            int first = image.chain(capabilities);
            image.put(Header.CAPABILITY_LIST, 1, first, 0);
            image.put(Header.STATUS, 2, devsel.status | (first == 0 ? 0 : Header.STATUS_CAPABILITY_LIST), 0);
            image.clearable(Header.STATUS, 2, Header.STATUS_ERRORS);
            return image;
        }

        private int decodable() {
            return bars.stream()
                    .mapToInt(bar -> bar.space() == Bar.Space.IO ? Header.COMMAND_IO : Header.COMMAND_MEMORY)
                    .reduce(0, (a, b) -> a | b);
        }

        private int commandMask() {
            boolean messages = capabilities.stream().anyMatch(c -> c instanceof Msi || c instanceof MsiX);
            return decodable()
                    | (busMaster || messages ? Header.COMMAND_MASTER : 0)
                    | (pin == Pin.NONE ? 0 : Header.COMMAND_INTX_DISABLE);
        }

        private static void putBar(ConfigImage image, Bar bar) {
            int offset = Header.BASE_ADDRESS_0 + 4 * bar.index();
            image.put(offset, 4, bar.flags(), (int) bar.addressMask());
            if (bar.space() == Bar.Space.MEMORY_64) {
                image.put(offset + 4, 4, 0, (int) (bar.addressMask() >>> 32));
            }
        }

        private static void putBytes(ConfigImage image, Bytes bytes) {
            if (bytes.offset() < Header.SIZE) {
                throw new IllegalArgumentException(
                        "device-specific bytes at 0x%x: the header ends at 0x40".formatted(bytes.offset()));
            }
            for (int i = 0; i < bytes.data().length(); i++) {
                image.put(bytes.offset() + i, 1, bits("a byte", bytes.data().charAt(i), 8), 0);
            }
        }

        private static int id(String what, int value) {
            return bits(what, value, 16);
        }

        private static int bits(String what, int value, int bits) {
            if (value >>> bits != 0) {
                throw new IllegalArgumentException("%s 0x%x: %d bits are right".formatted(what, value, bits));
            }
            return value;
        }
    }
}
