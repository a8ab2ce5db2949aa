package mdev.console.demo;

import static mdev.console.demo.Transcript.check;

import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioPci;
import mdev.console.demo.Transcript.Failure;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.wiring.BundleWiring;

/**
 * "Using the Sample Code" of the kernel's {@code Documentation/driver-api/vfio-mediated-device.rst}, step by step, through shell commands and the
 * VFIO API only. Where the document boots a virtual machine, the demo does what the machine's firmware and drivers would.
 */
final class Demo {
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

    private static final long COLLECTING_NANOS = 10_000_000_000L;

    private final BundleContext context;
    private final Sysfs sysfs;
    private final Vfio vfio;
    private final Transcript transcript;
    private final Typist typist;

    Demo(BundleContext context, Sysfs sysfs, Vfio vfio, Transcript transcript, Typist typist) {
        this.context = context;
        this.sysfs = sysfs;
        this.vfio = vfio;
        this.transcript = transcript;
        this.typist = typist;
    }

    static Optional<Bundle> module(BundleContext context) {
        return Arrays.stream(context.getBundles())
                .filter(bundle -> MODULE.equals(bundle.getSymbolicName()))
                .findFirst();
    }

    void perform() throws InterruptedException {
        try {
            steps();
        } catch (InterruptedException e) {
            leave();
            throw e;
        }
    }

    /** After Ctrl-C: nothing shall be left then, either. */
    private void leave() {
        Optional<Bundle> module = module(context);
        try {
            if (module.isPresent()) {
                typist.run("mdev:rmmod -f " + MODULE);
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
        typist.type("mdev:modprobe " + MODULE);
        typist.type("sysfs:tree " + PARENT);
        for (String path : TREE) {
            sysfs.lookup(PARENT + "/" + path, true);
        }
        typist.type("mdev:types mtty");
        checkInstances(24, 12);
    }

    private void checkInstances(int ofOnePort, int ofTwoPorts) throws Failure, InterruptedException {
        check(
                "available_instances of mtty-1",
                ofOnePort + "\n",
                typist.run("sysfs:cat " + TYPES + "mtty-1/available_instances"));
        check(
                "available_instances of mtty-2",
                ofTwoPorts + "\n",
                typist.run("sysfs:cat " + TYPES + "mtty-2/available_instances"));
    }

    private void create() throws ErrnoException, Failure, InterruptedException {
        typist.type("sysfs:write " + TYPES + "mtty-2/create " + UUID);
        typist.type("sysfs:ls " + DEVICE + "/");
        typist.type("mdev:list");
        sysfs.lookup(DEVICE + "/driver/bind", true);
        sysfs.lookup(TYPES + "mtty-2/devices/" + UUID, true);
        checkInstances(22, 11);
    }

    private void dump() throws ErrnoException, Failure, InterruptedException {
        try (OpenDevice device = new OpenDevice(vfio, sysfs, UUID)) {
            device.write32(VfioPci.CONFIG_REGION, 0x10, 0xc150);
            device.write32(VfioPci.CONFIG_REGION, 0x14, 0xc158);
            device.write8(VfioPci.CONFIG_REGION, 0x3c, 10);
            device.write16(VfioPci.CONFIG_REGION, 0x04, 0x0001);
            String dump = PciDump.of(
                    "00:05.0",
                    device.config(PciDump.LENGTH),
                    List.of(device.size(VfioPci.BAR0_REGION), device.size(VfioPci.BAR1_REGION)));
            transcript.shown(dump);
            check("the dump", DUMP, dump);
        }
    }

    private void talk(int number) throws ErrnoException, InterruptedException, Failure {
        String line = "The quick brown fox jumps over the lazy port " + number + ".";
        try (OpenDevice device = new OpenDevice(vfio, sysfs, UUID);
                SerialPort port = new SerialPort(device, number)) {
            transcript.shown("sent:     " + line);
            String received = port.exchange(line);
            transcript.shown("received: " + received + "  (" + port.interruptsTaken() + " interrupts)");
            check("the line", line, received);
        }
    }

    private void remove() throws Failure, InterruptedException {
        typist.type("sysfs:write " + DEVICE + "/remove 1");
        typist.typeInVain("mdev:show " + UUID);
        typist.typeInVain("sysfs:ls " + DEVICE);
        check("the number of groups", List.of(), vfio.groups());
        checkInstances(24, 12);
    }

    private void unload() throws Failure, InterruptedException {
        typist.type("mdev:rmmod " + MODULE);
        typist.type("mdev:lsmod");
    }

    private void nothingLeft(Optional<BundleWiring> wiring, WeakReference<ClassLoader> loader)
            throws Failure, InterruptedException {
        typist.type("mdev:parents");
        typist.typeInVain("sysfs:tree " + PARENT);
        typist.typeInVain("sysfs:ls /sys/class/mdev_bus/mtty");
        check("the bundle", Optional.empty(), module(context));
        check(
                "the bundle's wiring in use",
                false,
                wiring.map(BundleWiring::isInUse).orElse(true));
        long deadline = System.nanoTime() + COLLECTING_NANOS;
        while (loader.get() != null && System.nanoTime() < deadline) {
            System.gc();
        }
        check("the bundle's class loader", "collected", loader.get() == null ? "collected" : "still referenced");
        transcript.shown("no parent, no device, no bundle, no class loader");
    }

    /** @throws ErrnoException EBUSY: the demo would unload what somebody else has loaded */
    static void checkUnloaded(BundleContext context) throws ErrnoException {
        if (module(context).isPresent()) {
            throw new ErrnoException(
                    Errno.EBUSY, MODULE + " is loaded already, and the demo would unload it: mdev:rmmod " + MODULE);
        }
    }
}
