package mdev.core.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellResult;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.sysfs.SysfsFile;
import mdev.api.vfio.DeviceOps;
import mdev.core.Limits;
import mdev.core.MdevCore;
import mdev.core.slot.ForeignBundle;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Vendors whose attributes hang. */
@Timeout(300)
final class ListCommandsTest {
    private static final String PARENT = "/sys/devices/virtual/card/card0/";
    private static final String UUID_TEXT = new UUID(0, 1).toString();

    private final MdevCore core = new MdevCore(new ForeignBundle("mdev.core", "0.1.0", 1), Limits.STANDARD, _ -> {});
    private final ListCommands commands = new ListCommands(core, List::of, List::of);
    private final Hanging vendor = new Hanging();

    /** Once registered, the instances of its first type and an attribute of its devices hang. */
    private static final class Hanging implements ParentOps<DeviceOps> {
        private final CountDownLatch leave = new CountDownLatch(1);
        private final AtomicInteger asked = new AtomicInteger();
        private volatile boolean registered;

        private int hang() {
            asked.incrementAndGet();
            try {
                leave.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return 1;
        }

        @Override
        public List<MdevType> supportedTypes() {
            return List.of(
                    MdevType.of("1", "One", "vfio-pci", () -> registered ? hang() : 1),
                    MdevType.of("2", "Two", "vfio-pci", () -> 2));
        }

        @Override
        public List<AttributeGroup> mdevAttributeGroups(DeviceOps device) {
            return List.of(new AttributeGroup(
                    "vendor",
                    List.of(
                            Attribute.readOnly("hangs", () -> hang() + "\n"),
                            Attribute.readOnly("well", () -> "yes\n"))));
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
                .registerDevice(new ParentDevice("card", "card0"), vendor);
        vendor.registered = true;
    }

    @AfterEach
    void close() {
        vendor.leave.countDown();
        core.close();
    }

    private void create() throws ErrnoException {
        SysfsFile create = (SysfsFile) core.sysfs().lookup(PARENT + "mdev_supported_types/card-1/create", true);
        create.write(UUID_TEXT.getBytes(StandardCharsets.US_ASCII));
    }

    private ShellResult run(String name, String... arguments) throws Exception {
        ShellCommand command = commands.commands().stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow();
        return command.action().run(new TestInvocation(List.of(arguments), Set.of()));
    }

    private static List<@Nullable Object> row(@Nullable Object... cells) {
        return Arrays.asList(cells);
    }

    /** As {@code mdev_device_create()}: the vendor's create enforces the limit. */
    @Test
    void createDoesNotReadTheInstances() throws ErrnoException {
        create();

        assertEquals(1, core.devices().size());
        assertEquals(0, vendor.asked.get());
    }

    @Test
    void hungAttributeIsAQuestionMark() throws Exception {
        create();

        assertEquals(
                List.of(
                        row("card0", "card-1", "One", "vfio-pci", "?", null),
                        row("card0", "card-2", "Two", "vfio-pci", 2, null)),
                ((ShellResult.Listing) run("types")).rows());
        ShellResult.Details shown = (ShellResult.Details) run("show", UUID_TEXT);
        assertEquals(
                "{vendor/hangs=?, vendor/well=yes}",
                String.valueOf(shown.fields().get("attributes")));
        assertEquals(2, vendor.asked.get());
    }

    @Test
    void hungAttributeIsNotReadAgain() throws Exception {
        run("types");
        run("types");

        assertEquals(1, vendor.asked.get());
    }

    @Test
    void returnedAttributeIsReadAgain() throws Exception {
        run("types");
        vendor.leave.countDown();

        assertEquals(
                row("card0", "card-1", "One", "vfio-pci", 1, null),
                ((ShellResult.Listing) run("types")).rows().getFirst());
    }
}
