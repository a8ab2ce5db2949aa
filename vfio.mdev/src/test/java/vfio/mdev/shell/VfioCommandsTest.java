package vfio.mdev.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellResult;
import mdev.api.shell.UnknownNameException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuDriver;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioCcw;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioGroup;
import org.junit.jupiter.api.Test;
import vfio.mdev.Await;
import vfio.mdev.OpenedDevice;
import vfio.mdev.SerialCard;
import vfio.mdev.ShellRun;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;

class VfioCommandsTest {
    private final SerialCard card = new SerialCard();
    private final TestPlatform platform = new TestPlatform();
    private final Mdev mdev = platform.add(3, card);
    private final String uuid = mdev.uuid().toString();
    private final List<ShellCommand> commands = new VfioCommands(platform.vfio).commands();

    VfioCommandsTest() throws ErrnoException {}

    private ShellResult run(String name, String... arguments) throws ErrnoException, InterruptedException {
        ShellRun run = ShellRun.of(arguments);
        ShellResult result = run.perform(commands, name);
        assertEquals("", run.text());
        return result;
    }

    @Test
    void listsGroupsAndTheirHolders() throws Exception {
        platform.add(1, new SerialCard());
        OpenedDevice open = platform.open(mdev);
        ShellResult.Listing listing = (ShellResult.Listing) run("groups");
        assertEquals(List.of("group", "devices", "holder", "container", "iommu", "viable"), listing.columns());
        assertEquals(2, listing.rows().size());
        assertEquals(1, listing.rows().getFirst().getFirst());
        assertEquals(null, listing.rows().getFirst().get(2));
        assertEquals(
                Arrays.asList(3, List.of(uuid), "test", 1, "vfio-iommu-type1", true),
                listing.rows().getLast());
        open.close();
        platform.close();
    }

    @Test
    void showsRegionsAndInterruptsOfADevice() throws Exception {
        ShellResult.Details idle = (ShellResult.Details) run("info", uuid.toUpperCase(Locale.ROOT));
        assertEquals(uuid, idle.fields().get("uuid"));
        assertEquals(null, idle.fields().get("user"));
        assertEquals(card.opens.get(), card.releases.get());
        assertEquals(List.of("bar0", "bar1", "config"), names(idle, "regions"));
        try (OpenedDevice open = platform.open(mdev)) {
            open.device().ioctl(SetIrqs.arm(0, 0, () -> {}));
            ShellResult.Details used = (ShellResult.Details) run("info", uuid);
            assertEquals("test", used.fields().get("user"));
            assertEquals(List.of("intx", "msi", "req"), names(used, "irqs"));
            assertEquals(List.of(1, 0, 0), values(used, "irqs", "armed"));
            assertEquals(
                    List.of("eventfd maskable automasked", "eventfd noresize", "eventfd noresize"),
                    values(used, "irqs", "flags"));
        }
        platform.close();
    }

    /** The names of vfio-ccw, and the types of regions that have no fixed index. */
    @Test
    void namesWhatADeviceThatIsNotPciHas() throws Exception {
        var device = new TestVendor() {
            @Override
            public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
                return switch (request) {
                    case GetInfo() -> new DeviceInfo(DeviceInfo.CCW, 5, 3);
                    case GetRegionInfo(int index) when index == 0 -> new RegionInfo(0, 3, 124);
                    case GetRegionInfo(int index) when index == 3 -> typed(index, VfioCcw.REGION_TYPE, 3);
                    case GetRegionInfo(int index) when index == 4 -> typed(index, 0x8000_8086, 5);
                    case GetRegionInfo(int index) -> typed(index, VfioCcw.REGION_TYPE, index);
                    case GetIrqInfo(int index) -> new IrqInfo(index, IrqInfo.EVENTFD, 1);
                    default -> throw new ErrnoException(Errno.ENOTTY);
                };
            }
        };
        String name = platform.add(VfioCcw.DEVICE_API, 4, device).uuid().toString();
        ShellResult.Details details = (ShellResult.Details) run("info", name);
        assertEquals(List.of("config", "async_cmd", "schib", "crw", "type 0x80008086.5"), names(details, "regions"));
        assertEquals(List.of("io", "crw", "req"), names(details, "irqs"));
        platform.close();
    }

    private static RegionInfo typed(int index, int type, int subtype) {
        return new RegionInfo(
                index, RegionInfo.READ | RegionInfo.CAPS, 8, List.of(new RegionCapability.Type(type, subtype)));
    }

    /** A hung back-end affects its user, but not the listing. */
    @Test
    void showsABusyContainerWithoutWaiting() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        platform.iommuDrivers.addDriver(new IommuDriver() {
            @Override
            public String name() {
                return "hangs";
            }

            @Override
            public Set<Integer> types() {
                return Set.of(1000);
            }

            @Override
            public Iommu open(int type) throws ErrnoException {
                inside.countDown();
                Await.until("go", () -> go.getCount() == 0);
                throw new ErrnoException(Errno.ENODEV);
            }
        });
        VfioGroup group = platform.vfio.openGroup(3, "test");
        VfioContainer container = platform.vfio.openContainer();
        group.setContainer(container);
        Thread user =
                Thread.ofPlatform().start(() -> assertThrows(ErrnoException.class, () -> container.setIommu(1000)));
        inside.await();
        ShellResult.Details info =
                assertTimeoutPreemptively(TestPlatform.PATIENCE, () -> (ShellResult.Details) run("info", uuid));
        assertEquals("busy", info.fields().get("iommu"));
        ShellResult.Listing groups = (ShellResult.Listing) run("groups");
        assertEquals(
                Arrays.asList(3, List.of(uuid), "test", 1, "busy", true),
                groups.rows().getFirst());
        go.countDown();
        user.join();
        group.close();
        platform.close();
    }

    private static List<?> names(ShellResult.Details details, String table) {
        return values(details, table, "name");
    }

    private static List<?> values(ShellResult.Details details, String table, String column) {
        return details.fields().get(table) instanceof List<?> rows
                ? rows.stream().map(row -> ((Map<?, ?>) row).get(column)).toList()
                : List.of();
    }

    @Test
    void unknownDeviceListsTheBoundOnes() {
        UnknownNameException refused = assertThrows(UnknownNameException.class, () -> run("info", "x"));
        assertEquals(Errno.ENODEV, refused.errno());
        assertEquals("no device 'x' is bound to vfio_mdev", refused.getMessage());
        assertEquals(List.of(uuid), refused.known());
        platform.close();
    }
}
