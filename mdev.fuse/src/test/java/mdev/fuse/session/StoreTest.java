package mdev.fuse.session;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.UUID;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsFile;
import mdev.api.vfio.DeviceOps;
import mdev.core.Limits;
import mdev.core.MdevCore;
import mdev.core.slot.ForeignBundle;
import mdev.fuse.wire.Reply;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The stores that are undone if the writer got EINTR before the store completed. */
final class StoreTest {
    private static final String UUID_TEXT = new UUID(0, 1).toString();
    private static final String PARENT = "/sys/devices/virtual/card/card0/";
    private static final String TYPES = PARENT + "mdev_supported_types/";

    private final MdevCore core = new MdevCore(new ForeignBundle("mdev.core", "0.1.0", 1), Limits.STANDARD, _ -> {});
    private final Sysfs sysfs = core.sysfs();

    /** A vendor with two types, whose parent has an attribute with the name of the core's. */
    private static final class Vendor implements ParentOps<DeviceOps> {
        @Override
        public List<MdevType> supportedTypes() {
            return List.of(MdevType.of("1", "One", "vfio-pci", () -> 9), MdevType.of("2", "Two", "vfio-pci", () -> 9));
        }

        @Override
        public List<AttributeGroup> deviceAttributeGroups() {
            return List.of(new AttributeGroup("vendor", List.of(Attribute.writeOnly("create", _ -> {}))));
        }

        @Override
        public DeviceOps create(Mdev mdev) {
            return _ -> {
                throw new ErrnoException(Errno.ENOTTY);
            };
        }

        @Override
        public void remove(DeviceOps device) {}
    }

    @BeforeEach
    void register() throws ErrnoException {
        core.module(new ForeignBundle("vendor.card", "1.0.0", 2))
                .registerDevice(new ParentDevice("card", "card0"), new Vendor());
    }

    @AfterEach
    void close() {
        core.close();
    }

    private Store store(String path) throws ErrnoException {
        return new Store(
                sysfs, (SysfsFile) sysfs.lookup(path, true), UUID_TEXT.getBytes(ISO_8859_1), new CallingThread(0));
    }

    private static void run(Store store) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            store.run(new Reply(arena, 2L * Integer.BYTES));
        }
    }

    @Test
    void removesTheDeviceOfAnInterruptedCreate() throws ErrnoException {
        Store store = store(TYPES + "card-1/create");
        run(store);

        store.unwanted();
        assertEquals(0, core.devices().size());
    }

    @ParameterizedTest
    @CsvSource({"vendor/create", "mdev_supported_types/card-2/create"})
    void keepsADeviceOfAnotherParentOrType(String written) throws ErrnoException {
        run(store(TYPES + "card-1/create"));

        store(PARENT + written).unwanted();
        assertEquals(1, core.devices().size());
    }
}
