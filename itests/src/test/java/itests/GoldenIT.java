package itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import javax.inject.Inject;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.core.golden.Deviations;
import mdev.core.golden.GoldenLine;
import mdev.core.golden.NamedDeviations;
import mdev.core.golden.TranscriptReplay;
import mdev.core.golden.TreeComparison;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.osgi.framework.ServiceRegistration;

/** Replays the real kernel's replies against the bundles as shipped. */
public class GoldenIT extends PlatformTestSupport {
    private static final String ONE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String TWO = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";
    private static final String THREE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1003";

    /** A step, as a shell command line of the transcripts. */
    @FunctionalInterface
    private interface Command {
        void run() throws Exception;
    }

    @Inject
    private Sysfs sysfs;

    private Tree tree;
    private Bundle vfio;
    private Bundle mtty;

    @Before
    public void before() {
        tree = new Tree(sysfs);
        vfio = bundleNamed("vfio.mdev");
    }

    @After
    public void after() throws BundleException {
        if (mtty != null && mtty.getState() != Bundle.UNINSTALLED) {
            mtty.uninstall();
        }
        vfio.start();
    }

    private void insmod(String module) throws BundleException {
        switch (module) {
            case "vfio_mdev" -> vfio.start();
            case "mtty" -> mtty = startModule("vendor.mtty");
            default -> {} // the core is running; VFIO core and its back-ends are in the bundle of vfio_mdev
        }
    }

    @Test
    public void createAndRemove() throws Exception {
        Deviations deviations = NamedDeviations.createAndRemove();

        List<String> differences = new TranscriptReplay(sysfs, this::insmod, deviations)
                .before(171, this::removeAll)
                .replay(GoldenLine.read("create-remove.jsonl"));

        assertEquals("", String.join("\n", differences));
        assertEquals(List.of(), deviations.unmet());
    }

    private void removeAll() {
        try {
            for (String uuid : tree.names(Tree.DEVICES)) {
                tree.remove(uuid);
            }
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    public void trees() throws Exception {
        Deviations deviations = NamedDeviations.treesWithVfio();
        record Step(String snapshot, Command command) {}
        List<Step> steps = List.of(
                new Step("01-mdev-loaded", vfio::stop),
                new Step("02-vfio_mdev-loaded", vfio::start),
                new Step("03-mtty-loaded-before-create", () -> insmod("mtty")),
                new Step("04-after-create-mtty-1", () -> tree.create("mtty", "mtty-1", ONE)),
                new Step("05-after-create-mtty-1-and-mtty-2", () -> tree.create("mtty", "mtty-2", TWO)),
                new Step("06-after-unbind-mtty-1", () -> tree.write(Tree.DRIVER + "/unbind", ONE)),
                new Step("07-after-rebind-mtty-1", () -> tree.write(Tree.DRIVER + "/bind", ONE + "\n")),
                new Step("08-after-remove-mtty-1", () -> tree.remove(ONE)),
                new Step("09-after-remove-both", () -> tree.remove(TWO)),
                new Step("10-vfio_mdev-unloaded-device-exists", () -> {
                    tree.create("mtty", "mtty-1", THREE);
                    vfio.stop();
                }),
                new Step("11-vfio_mdev-reloaded", vfio::start),
                new Step("12-mtty-unloaded", () -> mtty.uninstall()));
        List<String> differences = new ArrayList<>();
        for (Step step : steps) {
            step.command().run();
            // The class appears with the first parent and stays: other tests may have run earlier.
            List<GoldenLine> snapshot = GoldenLine.read("tree-" + step.snapshot() + ".jsonl").stream()
                    .filter(line -> !line.text("path").equals("/sys/class/mdev_bus"))
                    .toList();
            TreeComparison.differences(sysfs, snapshot, deviations).stream()
                    .filter(difference -> !difference.startsWith("/sys/class/mdev_bus:"))
                    .forEach(difference -> differences.add(step.snapshot() + " " + difference));
        }
        assertEquals("", String.join("\n", differences));
        assertEquals(List.of(), deviations.unmet());
    }

    @Test
    public void uevents() throws Exception {
        vfio.stop();
        HeardUevents heard = new HeardUevents();
        ServiceRegistration<?> listener = context.registerService(UeventListener.class, heard, null);
        try {
            heard.begin(tree);
            List<Uevent> events = heard.events();
            List<String> expected = new ArrayList<>();
            Map<String, Command> commands = commands();
            for (GoldenLine line : GoldenLine.read("uevents.jsonl")) {
                if (line.text("mark").equals("rmmod mdev")) {
                    break; // the core owns the tree: the core's unit test covers its end
                }
                if (line.has("mark")) {
                    commands.getOrDefault(line.text("mark"), () -> {
                                throw new AssertionError(line);
                            })
                            .run();
                } else if (!partOfVfio(line.text("uevent"))
                        && !line.text("uevent").matches("add@/(bus|module)/mdev")) {
                    expected.add(line.text("uevent") + " " + line.text("env").replace("SEQNUM=*", "SEQNUM="));
                }
            }
            List<String> actual = new ArrayList<>();
            Wait.until("all uevents have come", () -> {
                actual.clear();
                events.stream()
                        .map(GoldenIT::text)
                        .filter(event -> !partOfVfio(event.split(" ", 2)[0]))
                        .forEach(actual::add);
                return actual.size() >= expected.size();
            });
            assertEquals(String.join("\n", expected), String.join("\n", actual));
            for (int i = 1; i < events.size(); i++) {
                assertEquals(seqnum(events.get(i - 1)) + 1, seqnum(events.get(i)));
            }
        } finally {
            listener.unregister();
        }
    }

    /** A deviation: here VFIO core is loaded and unloaded with vfio_mdev and is not a separate module. */
    private static boolean partOfVfio(String event) {
        return event.matches(".*@/module/vfio(_iommu_type1)?")
                || NamedDeviations.isVfio(event.substring(event.indexOf('@') + 1));
    }

    private Map<String, Command> commands() {
        Map<String, Command> commands = new HashMap<>();
        List.of("insmod vfio", "insmod vfio_iommu_type1", "insmod mdev").forEach(mark -> commands.put(mark, () -> {}));
        commands.put("insmod vfio_mdev", vfio::start);
        commands.put("insmod mtty (parent registration)", () -> insmod("mtty"));
        commands.put("create " + ONE + " in mtty-1", () -> tree.create("mtty", "mtty-1", ONE));
        commands.put("create " + TWO + " in mtty-2", () -> tree.create("mtty", "mtty-2", TWO));
        commands.put(
                "failing create: duplicate",
                () -> assertThrows(ErrnoException.class, () -> tree.create("mtty", "mtty-1", ONE)));
        commands.put(
                "write to uevent file of mdev: add", () -> tree.write(Tree.DEVICES + "/" + ONE + "/uevent", "add"));
        commands.put(
                "write to uevent file of parent: change",
                () -> tree.write("/sys/class/mdev_bus/mtty/uevent", "change\n"));
        commands.put("unbind " + ONE + " from vfio_mdev", () -> tree.write(Tree.DRIVER + "/unbind", ONE));
        commands.put("bind " + ONE + " to vfio_mdev", () -> tree.write(Tree.DRIVER + "/bind", ONE));
        commands.put("remove " + ONE, () -> tree.remove(ONE));
        commands.put("remove " + TWO, () -> tree.remove(TWO));
        commands.put(
                "create " + THREE + ", then rmmod vfio_mdev with it bound", () -> tree.create("mtty", "mtty-1", THREE));
        commands.put("rmmod vfio_mdev", vfio::stop);
        commands.put("insmod vfio_mdev again", vfio::start);
        commands.put("rmmod mtty with one device, not open", () -> mtty.uninstall());
        return commands;
    }

    private static String text(Uevent event) {
        return event.action() + "@" + event.devpath() + " "
                + event.env().entrySet().stream()
                        .map(entry -> entry.getKey() + "=" + (entry.getKey().equals("SEQNUM") ? "" : entry.getValue()))
                        .collect(Collectors.joining(", ", "[", "]"));
    }

    private static long seqnum(Uevent event) {
        return Long.parseLong(event.env().get("SEQNUM"));
    }
}
