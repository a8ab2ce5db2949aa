package mdev.tools.demo;

import static mdev.tools.demo.Transcript.check;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;
import mdev.sync.Deadline;
import mdev.tools.demo.Transcript.Failure;
import mdev.tools.tty.AttachedDevice;
import mdev.tools.tty.IntxService;
import mdev.tools.tty.Serial8250;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.wiring.BundleWiring;

/**
 * "Using the Sample Code" of the kernel's {@code Documentation/driver-api/vfio-mediated-device.rst}, step by step,
 * through shell commands and the VFIO API only. In place of the document's virtual machine, the demo acts as its
 * firmware and drivers.
 */
record Demo(BundleContext context, Sysfs sysfs, Vfio vfio, Transcript transcript) {
    static final String MODULE = "vendor.mtty";

    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String PARENT = "/sys/devices/virtual/mtty/mtty";
    private static final String TYPES = PARENT + "/mdev_supported_types/";
    private static final String DEVICE = "/sys/bus/mdev/devices/" + UUID;

    /** The files of the document's tree. */
    private static final List<String> TREE = List.of(
            "mdev_supported_types/mtty-1/available_instances",
            "mdev_supported_types/mtty-1/create",
            "mdev_supported_types/mtty-1/device_api",
            "mdev_supported_types/mtty-1/devices",
            "mdev_supported_types/mtty-1/name",
            "mdev_supported_types/mtty-2/available_instances",
            "mdev_supported_types/mtty-2/create",
            "mdev_supported_types/mtty-2/device_api",
            "mdev_supported_types/mtty-2/devices",
            "mdev_supported_types/mtty-2/name",
            "mtty_dev/sample_mtty_dev",
            "power/autosuspend_delay_ms",
            "power/control",
            "power/runtime_active_time",
            "power/runtime_status",
            "power/runtime_suspended_time",
            "subsystem",
            "uevent");

    /** The document's dump, without the guest's slot and driver; the bytes from 0x40 on are no part of it. */
    private static final String DUMP = """
            00:05.0 Serial controller: Device 4348:3253 (rev 10) (prog-if 02 [16550])
            \tSubsystem: Device 4348:3253
            \tControl: I/O+ Mem- BusMaster- SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
            \tStatus: Cap- 66MHz- UDF- FastB2B- ParErr- DEVSEL=medium >TAbort- <TAbort- <MAbort- >SERR- <PERR- INTx-
            \tInterrupt: pin A routed to IRQ 10
            \tRegion 0: I/O ports at c150 [size=8]
            \tRegion 1: I/O ports at c158 [size=8]
            00: 48 43 53 32 01 00 00 02 10 02 00 07 00 00 00 00
            10: 51 c1 00 00 59 c1 00 00 00 00 00 00 00 00 00 00
            20: 00 00 00 00 00 00 00 00 00 00 00 00 48 43 53 32
            30: 00 00 00 00 00 00 00 00 00 00 00 00 0a 01 00 00
            """;

    private static final String USER = "mdev:demo";
    private static final int FIFO = 16;
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final ValueLayout.OfInt LITTLE_ENDIAN =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    static Optional<Bundle> module(BundleContext context) {
        return Arrays.stream(context.getBundles())
                .filter(bundle -> MODULE.equals(bundle.getSymbolicName()))
                .findFirst();
    }

    void perform() throws InterruptedException {
        try {
            steps();
        } catch (InterruptedException e) {
            leave(context, transcript);
            throw e;
        }
    }

    /** Unloads the module if it is loaded, after a failure or Ctrl-C, to leave nothing behind. */
    static void leave(BundleContext context, Transcript transcript) {
        try {
            if (module(context).isPresent()) {
                transcript.run("mdev:rmmod -f " + MODULE);
            }
        } catch (Failure | InterruptedException e) {
            transcript.shown(MODULE + " is left loaded: " + e.getMessage());
        }
    }

    private void steps() throws InterruptedException {
        transcript.step("Load the module: it creates the dummy device " + PARENT, this::load);
        Optional<BundleWiring> wiring = module(context).map(bundle -> bundle.adapt(BundleWiring.class));
        WeakReference<ClassLoader> loader =
                new WeakReference<>(wiring.map(BundleWiring::getClassLoader).orElse(null));
        transcript.step("Create a mediated device with two ports", this::create);
        transcript.step("What a guest sees of it once its firmware has placed it: lspci -s 00:05.0 -xxvv", this::dump);
        transcript.step("Send a line through the first port, and read it back by interrupt", () -> talk(0));
        transcript.step("Send a line through the second port, and read it back by interrupt", () -> talk(1));
        transcript.step("Destroy the device", this::remove);
        transcript.step("Unload the module", this::unload);
        transcript.step("Nothing is left", () -> nothingLeft(wiring, loader));
    }

    private void load() throws ErrnoException, Failure, InterruptedException {
        transcript.type("mdev:modprobe " + MODULE);
        transcript.type("sysfs:tree " + PARENT);
        for (String path : TREE) {
            sysfs.lookup(PARENT + "/" + path, true);
        }
        transcript.type("mdev:types mtty");
        checkInstances(24, 12);
    }

    private void checkInstances(int ofOnePort, int ofTwoPorts) throws Failure, InterruptedException {
        check(
                "available_instances of mtty-1",
                ofOnePort + "\n",
                transcript.run("sysfs:cat " + TYPES + "mtty-1/available_instances"));
        check(
                "available_instances of mtty-2",
                ofTwoPorts + "\n",
                transcript.run("sysfs:cat " + TYPES + "mtty-2/available_instances"));
    }

    private void create() throws ErrnoException, Failure, InterruptedException {
        transcript.type("sysfs:write " + TYPES + "mtty-2/create " + UUID);
        transcript.type("sysfs:ls " + DEVICE + "/");
        transcript.type("mdev:list");
        sysfs.lookup(DEVICE + "/driver/bind", true);
        sysfs.lookup(TYPES + "mtty-2/devices/" + UUID, true);
        checkInstances(22, 11);
    }

    private void dump() throws ErrnoException, Failure, InterruptedException {
        try (AttachedDevice attached = AttachedDevice.open(vfio, UUID, USER)) {
            VfioDevice device = attached.device();
            configure(device, 0x10, 0xc150, 4);
            configure(device, 0x14, 0xc158, 4);
            configure(device, 0x3c, 10, 1);
            configure(device, 0x04, 0x0001, 2);
            byte[] header = new byte[PciDump.LENGTH];
            MemorySegment bytes = MemorySegment.ofArray(header);
            for (int at = 0; at < header.length; at += Integer.BYTES) {
                device.read(VfioPci.CONFIG_REGION, at, bytes, at, Integer.BYTES);
            }
            String dump = PciDump.of(
                    "00:05.0", header, List.of(size(device, VfioPci.BAR0_REGION), size(device, VfioPci.BAR1_REGION)));
            transcript.shown(dump);
            check("the dump", DUMP, dump);
        }
    }

    /** Writes a register of the configuration space. */
    private static void configure(VfioDevice device, int at, int value, int width) throws ErrnoException {
        MemorySegment bytes = MemorySegment.ofArray(new byte[Integer.BYTES]);
        bytes.set(LITTLE_ENDIAN, 0, value);
        device.write(VfioPci.CONFIG_REGION, at, bytes, 0, width);
    }

    private static long size(VfioDevice device, int region) throws ErrnoException {
        return ((RegionInfo) device.ioctl(new GetRegionInfo(region))).size();
    }

    private void talk(int number) throws ErrnoException, InterruptedException, Failure {
        String line = "The quick brown fox jumps over the lazy port " + number + ".";
        try (AttachedDevice attached = AttachedDevice.open(vfio, UUID, USER);
                IntxService interrupts = new IntxService(attached.device());
                Serial8250 port = new Serial8250(attached.device(), VfioPci.BAR0_REGION + number, interrupts)) {
            transcript.shown("sent:     " + line);
            String received = exchange(line, port, interrupts);
            transcript.shown("received: " + received + "  (" + interrupts.awaitServed(0, Deadline.in(PATIENCE))
                    + " interrupts)");
            check("the line", line, received);
        }
    }

    /** Sends a line and returns the received bytes, read one FIFO at a time per interrupt. */
    private static String exchange(String line, Serial8250 port, IntxService interrupts)
            throws ErrnoException, InterruptedException {
        byte[] bytes = line.getBytes(StandardCharsets.US_ASCII);
        byte[] received = new byte[bytes.length];
        int served = 0;
        for (int at = 0; at < bytes.length; ) {
            int end = Math.min(at + FIFO, bytes.length);
            port.write(bytes, at, end - at);
            Deadline deadline = Deadline.in(PATIENCE);
            while (at < end) {
                received[at++] = (byte) port.read(deadline);
            }
            served = interrupts.awaitServed(served + 1, deadline);
        }
        return new String(received, StandardCharsets.US_ASCII);
    }

    private void remove() throws Failure, InterruptedException {
        transcript.type("sysfs:write " + DEVICE + "/remove 1");
        transcript.typeInVain("mdev:show " + UUID);
        transcript.typeInVain("sysfs:ls " + DEVICE);
        check("the number of groups", List.of(), vfio.groups());
        checkInstances(24, 12);
    }

    private void unload() throws Failure, InterruptedException {
        transcript.type("mdev:rmmod " + MODULE);
        transcript.type("mdev:lsmod");
    }

    private void nothingLeft(Optional<BundleWiring> wiring, WeakReference<ClassLoader> loader)
            throws Failure, InterruptedException {
        transcript.type("mdev:parents");
        transcript.typeInVain("sysfs:tree " + PARENT);
        transcript.typeInVain("sysfs:ls /sys/class/mdev_bus/mtty");
        check("the bundle", Optional.empty(), module(context));
        check(
                "the bundle's wiring in use",
                false,
                wiring.map(BundleWiring::isInUse).orElse(true));
        Deadline deadline = Deadline.in(PATIENCE);
        while (loader.get() != null && !deadline.hasPassed()) {
            System.gc();
        }
        check("the bundle's class loader", "collected", loader.get() == null ? "collected" : "still referenced");
        transcript.shown("no parent, no device, no bundle, no class loader");
    }

    /** @throws ErrnoException EBUSY: the module is loaded already, and the demo would unload it */
    static void checkUnloaded(BundleContext context) throws ErrnoException {
        if (module(context).isPresent()) {
            throw new ErrnoException(
                    Errno.EBUSY, MODULE + " is loaded already, and the demo would unload it: mdev:rmmod " + MODULE);
        }
    }
}
