package mdev.core;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import mdev.api.Registration;
import mdev.api.Uevent;
import mdev.api.errno.ErrnoException;
import mdev.core.golden.Deviations;
import mdev.core.golden.GoldenLine;
import mdev.core.golden.NamedDeviations;
import mdev.core.golden.TranscriptReplay;
import mdev.core.golden.TreeComparison;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Replays the real kernel's replies. */
class GoldenTest {
    private static final UUID ONE = UUID.fromString("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
    private static final UUID TWO = UUID.fromString("83b8f4f2-509f-382f-3c1e-e6bfe0fa1002");
    private static final UUID THREE = UUID.fromString("83b8f4f2-509f-382f-3c1e-e6bfe0fa1003");
    private static final String DRIVER = "/sys/bus/mdev/drivers/vfio_mdev/";

    /** The modules of the transcripts, loaded into a rig. */
    private static final class Machine {
        private final Rig rig = new Rig();
        private final Map<String, Registration> loaded = new LinkedHashMap<>();

        void insmod(String module) throws Exception {
            switch (module) {
                case "vfio" -> {
                    Registration misc = rig.vfio.createDevice(TestVfio.misc());
                    Registration vfio = rig.vfio.createClass("vfio");
                    loaded.put(module, () -> {
                        vfio.close();
                        misc.close();
                    });
                }
                case "vfio_mdev" -> {
                    // The bundle's classes form a separate module, as in the kernel.
                    Module bundle = rig.core.module(rig.vfio.owner());
                    bundle.registerDriver(new TestVfio(rig.vfio));
                    loaded.put(module, bundle::close);
                }
                case "mtty" -> {
                    Module bundle = rig.core.module(rig.vendor.owner());
                    bundle.registerDevice(TestMtty.DEVICE, new TestMtty());
                    loaded.put(module, bundle::close);
                }
                default -> {} // the core itself, and IOMMU back-ends
            }
        }

        void rmmod(String module) {
            if (module.equals("mdev")) {
                rig.close();
                return;
            }
            Registration registration = loaded.remove(module);
            if (registration != null) {
                registration.close();
            }
        }
    }

    @Test
    void createAndRemove() throws Exception {
        Deviations deviations = NamedDeviations.createAndRemove();
        Machine machine = new Machine();
        try (Rig rig = machine.rig) {
            List<String> differences = new TranscriptReplay(rig.sysfs(), machine::insmod, deviations)
                    .before(171, () -> removeAll(rig))
                    .replay(GoldenLine.read("create-remove.jsonl"));
            assertEquals("", String.join("\n", differences));
            assertEquals(List.of(), deviations.unmet());
        }
    }

    private static void removeAll(Rig rig) {
        for (MdevDevice device : List.copyOf(rig.core.devices())) {
            assertDoesNotThrow(() -> rig.remove(device.uuid()));
        }
    }

    @Test
    void trees() throws Exception {
        Deviations deviations = NamedDeviations.trees();
        Machine machine = new Machine();
        List<String> differences = new ArrayList<>();
        try (Rig rig = machine.rig) {
            record Step(String snapshot, Executable command) {}
            List<Step> steps = List.of(
                    new Step("01-mdev-loaded", () -> machine.insmod("vfio")),
                    new Step("02-vfio_mdev-loaded", () -> machine.insmod("vfio_mdev")),
                    new Step("03-mtty-loaded-before-create", () -> machine.insmod("mtty")),
                    new Step("04-after-create-mtty-1", () -> rig.create("mtty-1", ONE)),
                    new Step("05-after-create-mtty-1-and-mtty-2", () -> rig.create("mtty-2", TWO)),
                    new Step("06-after-unbind-mtty-1", () -> rig.write(DRIVER + "unbind", ONE.toString())),
                    new Step("07-after-rebind-mtty-1", () -> rig.write(DRIVER + "bind", ONE + "\n")),
                    new Step("08-after-remove-mtty-1", () -> rig.remove(ONE)),
                    new Step("09-after-remove-both", () -> rig.remove(TWO)),
                    new Step("10-vfio_mdev-unloaded-device-exists", () -> {
                        rig.create("mtty-1", THREE);
                        machine.rmmod("vfio_mdev");
                    }),
                    new Step("11-vfio_mdev-reloaded", () -> machine.insmod("vfio_mdev")),
                    new Step("12-mtty-unloaded", () -> machine.rmmod("mtty")));
            for (Step step : steps) {
                assertDoesNotThrow(step.command());
                TreeComparison.differences(
                                rig.sysfs(), GoldenLine.read("tree-" + step.snapshot() + ".jsonl"), deviations)
                        .forEach(difference -> differences.add(step.snapshot() + " " + difference));
            }
        }
        assertEquals("", String.join("\n", differences));
        assertEquals(List.of(), deviations.unmet());
    }

    /** The command for each mark of uevents.jsonl. */
    private static Map<String, Executable> commands(Machine machine) {
        Rig rig = machine.rig;
        Map<String, Executable> commands = new LinkedHashMap<>();
        commands.put("insmod vfio", () -> machine.insmod("vfio"));
        commands.put("insmod vfio_iommu_type1", () -> {});
        commands.put("insmod mdev", () -> {});
        commands.put("insmod vfio_mdev", () -> machine.insmod("vfio_mdev"));
        commands.put("insmod mtty (parent registration)", () -> machine.insmod("mtty"));
        commands.put("create " + ONE + " in mtty-1", () -> rig.create("mtty-1", ONE));
        commands.put("create " + TWO + " in mtty-2", () -> rig.create("mtty-2", TWO));
        commands.put(
                "failing create: duplicate", () -> assertThrows(ErrnoException.class, () -> rig.create("mtty-1", ONE)));
        commands.put("write to uevent file of mdev: add", () -> rig.write(Rig.DEVICES + ONE + "/uevent", "add"));
        commands.put(
                "write to uevent file of parent: change",
                () -> rig.write("/sys/class/mdev_bus/mtty/uevent", "change\n"));
        commands.put("unbind " + ONE + " from vfio_mdev", () -> rig.write(DRIVER + "unbind", ONE.toString()));
        commands.put("bind " + ONE + " to vfio_mdev", () -> rig.write(DRIVER + "bind", ONE.toString()));
        commands.put("remove " + ONE, () -> rig.remove(ONE));
        commands.put("remove " + TWO, () -> rig.remove(TWO));
        commands.put("create " + THREE + ", then rmmod vfio_mdev with it bound", () -> rig.create("mtty-1", THREE));
        commands.put("rmmod vfio_mdev", () -> machine.rmmod("vfio_mdev"));
        commands.put("insmod vfio_mdev again", () -> machine.insmod("vfio_mdev"));
        commands.put("rmmod mtty with one device, not open", () -> machine.rmmod("mtty"));
        commands.put("rmmod mdev", () -> machine.rmmod("mdev"));
        commands.put("rmmod vfio_iommu_type1", () -> {});
        commands.put("rmmod vfio", () -> machine.rmmod("vfio"));
        commands.put("end", () -> {});
        return commands;
    }

    @Test
    void uevents() throws Exception {
        Deviations deviations = new Deviations()
                .add(
                        "vfio is not a module",
                        "VFIO core and its back-ends live in the bundle of vfio_mdev",
                        line -> line.text("uevent").matches(".*/module/vfio(_iommu_type1)?"),
                        "")
                .add(
                        "the core goes last",
                        "the core owns the tree: rmmod mdev removes the rest of it, and vfio's events come first",
                        line -> line.text("mark").equals("rmmod mdev")
                                || line.text("uevent").matches("remove@/(bus|module)/mdev"),
                        "");
        Machine machine = new Machine();
        Map<String, Executable> commands = commands(machine);
        List<String> expected = new ArrayList<>();
        List<String> actual = new ArrayList<>();
        for (GoldenLine line : GoldenLine.read("uevents.jsonl")) {
            if (deviations.at(line).isPresent()) {
                continue;
            }
            if (line.has("mark")) {
                Executable command = commands.get(line.text("mark"));
                assertNotNull(command, line.toString());
                assertDoesNotThrow(command);
            } else {
                expected.add(line.text("uevent") + " " + line.text("env").replace("SEQNUM=*", "SEQNUM="));
            }
        }
        machine.rmmod("mdev");
        expected.add("remove@/bus/mdev [ACTION=remove, DEVPATH=/bus/mdev, SUBSYSTEM=bus, SEQNUM=]");
        expected.add("remove@/module/mdev [ACTION=remove, DEVPATH=/module/mdev, SUBSYSTEM=module, SEQNUM=]");
        long seqnum = 0;
        for (Uevent event : machine.rig.events()) {
            assertEquals(Long.toString(++seqnum), event.env().get("SEQNUM"));
            actual.add(event.action() + "@" + event.devpath() + " "
                    + event.env().entrySet().stream()
                            .map(entry ->
                                    entry.getKey() + "=" + (entry.getKey().equals("SEQNUM") ? "" : entry.getValue()))
                            .collect(Collectors.joining(", ", "[", "]")));
        }
        // The core comes first, because it owns the tree.
        List<String> core = expected.stream()
                .filter(event -> event.matches("add@/(bus|module)/mdev .*"))
                .toList();
        expected.removeAll(core);
        expected.addAll(0, core);
        assertEquals(String.join("\n", expected), String.join("\n", actual));
        assertEquals(List.of(), deviations.unmet());
    }
}
