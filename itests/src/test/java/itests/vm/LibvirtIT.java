package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import itests.Patience;
import itests.fuse.MountedPlatform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Debian's stock libvirt manages devices and runs a guest with one: the sessions of {@code docs/libvirt.md}. */
@RequiresVm
final class LibvirtIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String NAME = "mdev_83b8f4f2_509f_382f_3c1e_e6bfe0fa1001_mtty";
    private static final String OTHER = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";
    private static final String OTHERS_NAME = "mdev_83b8f4f2_509f_382f_3c1e_e6bfe0fa1002_mtty";
    private static final String ESCAPE = "\u001d";

    private final Path root = Path.of(output("cnf/vm/libvirt.sh"));

    /** The last line that a script prints. */
    private static String output(String script) {
        try {
            var process = new ProcessBuilder(Home.file(script))
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            var lines = process.inputReader().readAllLines();
            assertEquals(0, process.waitFor(), script);
            return lines.getLast();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void requireParts(String document, String... parts) {
        for (String part : parts) {
            assertTrue(document.contains(part), document);
        }
    }

    private static String device(String parent, String type) {
        return "<device><parent>" + parent + "</parent><capability type=\"mdev\"><type id=\"" + type + "\"/><uuid>"
                + UUID + "</uuid></capability></device>";
    }

    @Test
    void managesNodeDevices() throws Exception {
        try (var mounted = MountedPlatform.start("--load", "vendor.mtty");
                var session = LibvirtSession.start(mounted, root)) {
            var platform = mounted.platform();
            session.await("virsh nodedev-list --cap mdev_types", "mtty_mtty");
            requireParts(
                    session.ok("virsh nodedev-dumpxml mtty_mtty"),
                    "<path>/sys/devices/virtual/mtty/mtty</path>",
                    "<type id='mtty-2'>",
                    "<name>Dual port serial</name>",
                    "<deviceAPI>vfio-pci</deviceAPI>",
                    "<availableInstances>12</availableInstances>");

            assertEquals("mtty_mtty", session.virshOutside("nodedev-list", "--cap", "mdev_types"));

            session.ok("echo '" + device("mtty_mtty", "mtty-2") + "' > device.xml");
            assertEquals(
                    "Node device " + NAME + " created from device.xml", session.ok("virsh nodedev-create device.xml"));
            requireParts(
                    session.ok("virsh nodedev-dumpxml " + NAME),
                    "<parent>mtty_mtty</parent>",
                    "<name>vfio_mdev</name>",
                    "<type id='mtty-2'/>",
                    "<uuid>" + UUID + "</uuid>",
                    "<iommuGroup number='0'/>");
            session.await("virsh nodedev-dumpxml mtty_mtty", "<availableInstances>11</availableInstances>");
            session.ok("virsh nodedev-destroy " + NAME);
            session.awaitNo("virsh nodedev-list --cap mdev", NAME);
            assertFalse(platform.run("mdev:list").ok().contains(UUID));

            session.ok("virsh nodedev-define device.xml");
            session.await("virsh nodedev-list --cap mdev --inactive", NAME);
            session.ok("virsh nodedev-autostart " + NAME);
            session.ok("virsh nodedev-start " + NAME);
            session.await("virsh nodedev-info " + NAME + " | tr -s ' ' '='", "Active:=yes");
            session.await("virsh nodedev-info " + NAME + " | tr -s ' ' '='", "Autostart:=yes");
            assertTrue(platform.run("mdev:list").ok().contains(UUID));
            session.ok("virsh nodedev-destroy " + NAME);
            session.await("virsh nodedev-info " + NAME + " | tr -s ' ' '='", "Active:=no");
            session.ok("virsh nodedev-undefine " + NAME);
            session.awaitNo("virsh nodedev-list --cap mdev --all", NAME);
            assertEquals(0, session.exit());
        }
    }

    /** A GPU on a PCI address, plugged in while libvirt runs. */
    @Test
    void managesAPciParent() throws Exception {
        var vgpu = "mdev_83b8f4f2_509f_382f_3c1e_e6bfe0fa1001_1000_00_02_0";
        var drop = Files.createTempDirectory("drop");
        try (var mounted = MountedPlatform.start("--load", "vendor.gpu-sim", "--drop", drop.toString());
                var session = LibvirtSession.start(mounted, root)) {
            session.ok("(udevadm monitor --udev --subsystem-match=pci > monitor 2>&1 &)");
            session.await("cat monitor", "UDEV - the event");
            Files.writeString(drop.resolve("vendor.gpusim.gpu-card.cfg"), "address=1000:00:02.0\nmemory=64\n");
            session.await("virsh nodedev-list --cap mdev_types", "pci_1000_00_02_0");
            requireParts(
                    session.ok("virsh nodedev-dumpxml pci_1000_00_02_0"),
                    "<path>/sys/devices/pci1000:00/1000:00:02.0</path>",
                    "<name>gpu-sim</name>",
                    "<class>0x030200</class>",
                    "<domain>4096</domain>",
                    "<slot>2</slot>",
                    "<product id='0x1111'",
                    "<vendor id='0x1234'",
                    "<type id='gpu-sim-16m'>",
                    "<deviceAPI>vfio-pci</deviceAPI>",
                    "<availableInstances>4</availableInstances>");

            session.ok("echo '" + device("pci_1000_00_02_0", "gpu-sim-16m") + "' > device.xml");
            assertEquals(
                    "Node device " + vgpu + " created from device.xml", session.ok("virsh nodedev-create device.xml"));
            session.await("virsh nodedev-dumpxml pci_1000_00_02_0", "<availableInstances>3</availableInstances>");
            assertTrue(session.ok("virsh nodedev-dumpxml " + vgpu).contains("<parent>pci_1000_00_02_0</parent>"));
            assertTrue(mounted.platform().run("mdev:list").ok().contains(UUID));
            session.ok("virsh nodedev-destroy " + vgpu);
            session.awaitNo("virsh nodedev-list --cap mdev", vgpu);

            Files.delete(drop.resolve("vendor.gpusim.gpu-card.cfg"));
            session.awaitNo("virsh nodedev-list --cap pci", "pci_1000_00_02_0");
            for (var action : List.of("add", "change", "bind", "unbind", "remove")) {
                session.await("tr -s ' ' < monitor", action + " /devices/pci1000:00/1000:00:02.0 (pci)");
            }
            assertEquals(0, session.exit());
        }
        Files.delete(drop);
    }

    @Test
    void seesWhatOthersDo() throws Exception {
        try (var mounted = MountedPlatform.start("--load", "vendor.mtty");
                var session = LibvirtSession.start(mounted, root)) {
            var platform = mounted.platform();
            session.await("virsh nodedev-list --cap mdev_types", "mtty_mtty");
            session.ok("(udevadm monitor --udev --subsystem-match=mdev > monitor 2>&1 &)");
            session.await("cat monitor", "UDEV - the event");
            platform.create("mtty", "mtty-1", OTHER);
            session.await("virsh nodedev-list --cap mdev", OTHERS_NAME);
            platform.remove(OTHER);
            session.awaitNo("virsh nodedev-list --cap mdev", OTHERS_NAME);
            platform.run("mdev:rmmod vendor.mtty").ok();
            session.awaitNo("virsh nodedev-list --cap mdev_types", "mtty_mtty");
            platform.run("mdev:modprobe vendor.mtty").ok();
            session.await("virsh nodedev-list --cap mdev_types", "mtty_mtty");
            for (var action : List.of("add", "bind", "unbind", "remove")) {
                session.await("tr -s ' ' < monitor", action + " /devices/virtual/mtty/mtty/" + OTHER + " (mdev)");
            }
            assertFalse(session.ok("cat monitor").contains("(vfio)"), "libudev's filter is by the subsystem's hash");
            assertEquals(0, session.exit());
        }
    }

    private static String domain(JsonNode device) {
        var guest = output("cnf/vm/guest.sh");
        return """
                <domain type="qemu">
                  <name>guest</name>
                  <memory unit="MiB">256</memory>
                  %s
                  <os>
                    <type arch="x86_64" machine="pc">hvm</type>
                    <kernel>%s/vmlinux</kernel>
                    <initrd>%s/initrd.img</initrd>
                    <cmdline>console=ttyS0 quiet 8250.nr_uarts=32 no_timer_check mitigations=off rodata=off</cmdline>
                  </os>
                  <features><acpi/></features>
                  <devices>
                    <emulator>%s</emulator>
                    <serial type="pty"/>
                  </devices>
                  %s
                </domain>
                """.formatted(
                        device.get("libvirt_memory").asText(),
                        guest,
                        guest,
                        output("cnf/vm/qemu.sh"),
                        device.get("libvirt").asText());
    }

    @Test
    void runsAGuestWithADevice() throws Exception {
        try (var mounted = MountedPlatform.start("--load", "vendor.mtty")) {
            var platform = mounted.platform();
            platform.create("mtty", "mtty-2", UUID);
            var hot = platform.create("mtty", "mtty-2", OTHER);
            var shown = new JsonMapper()
                    .readTree(platform.run("mdev:show " + UUID + " --json").ok());
            Files.writeString(platform.run().resolve("guest.xml"), domain(shown));
            try (var session = LibvirtSession.start(mounted, root)) {
                session.ok("virsh define " + platform.run() + "/guest.xml");
                session.ok("virsh start guest");
                assertEquals("running", session.ok("virsh domstate guest"));

                int console = session.begin("virsh console guest");
                var terminal = session.terminal();
                terminal.await("4348:3253", Patience.TIME);
                terminal.await("/ # ", Patience.TIME);
                terminal.type("serial-loop $(pci-ttys | tail -1) 4096\r");
                terminal.await("4096 bytes came back", Patience.TIME);
                terminal.await("/ # ", Patience.TIME);
                terminal.type(ESCAPE);
                session.end(console);

                var plug = monitor("""
                        {"execute":"device_add","arguments":{"driver":"vfio-user-pci","id":"hot","addr":"0x10",\
                        "socket":{"type":"unix","path":"%s"}}}""".formatted(hot));
                assertTrue(session.ok(plug).contains("\"return\":{}"));
                var unplug = monitor("{\"execute\":\"device_del\",\"arguments\":{\"id\":\"hot\"}}");
                console = session.begin("virsh console guest");
                terminal.await("Escape character", Patience.TIME);
                terminal.type("\runtil lspci -n -s 10.0 | grep 4348; do :; done\r");
                terminal.await("00:10.0 0700: 4348:3253", Patience.TIME);
                terminal.type(ESCAPE);
                session.end(console);
                assertTrue(session.ok(unplug).contains("\"return\":{}"));
                session.awaitNo("virsh qemu-monitor-command guest --hmp 'info qtree'", "id \"hot\"");

                session.ok("virsh destroy guest");
                assertEquals("shut off", session.ok("virsh domstate guest"));
                session.ok("virsh undefine guest");
                Deadline.await(Patience.TIME, "both devices are free", () -> isFree(platform));
                assertEquals(0, session.exit());
            }
        }
    }

    private static String monitor(String command) {
        return "virsh qemu-monitor-command guest '" + command + "'";
    }

    private static boolean isFree(Platform platform) {
        try {
            for (var device :
                    new JsonMapper().readTree(platform.run("mdev:list --json").ok())) {
                if (!device.get("user").isNull()) {
                    return false;
                }
            }
            return true;
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
