package itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Dictionary;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.inject.Inject;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDeviceListener;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.CommandSession;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.osgi.framework.Bundle;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventConstants;
import org.osgi.service.event.EventHandler;

/**
 * The uevents of a device's lifetime on every interface that delivers them. {@link GoldenIT} verifies that a {@link
 * UeventListener} receives the kernel's events; here the other two interfaces receive the same.
 */
public class UeventIT extends PlatformTestSupport {
    private static final String ONE = UUID.randomUUID().toString();
    private static final String DEVICE = "/devices/virtual/mtty/mtty/" + ONE;

    @Inject
    private Sysfs sysfs;

    @Inject
    private CommandProcessor gogo;

    private final HeardUevents heard = new HeardUevents();
    private final List<ServiceRegistration<?>> listeners = new ArrayList<>();
    private Tree tree;

    @Before
    public void before() throws Exception {
        tree = new Tree(sysfs);
        listeners.add(context.registerService(UeventListener.class, heard, null));
        heard.begin(tree);
    }

    @After
    public void after() {
        listeners.forEach(ServiceRegistration::unregister);
    }

    /**
     * Installs a vendor, creates and removes a device, removes the vendor; returns when all events have been received.
     */
    private List<Uevent> live() throws Exception {
        List<Uevent> events = heard.events();
        int before = events.size();
        Bundle mtty = startModule("vendor.mtty");
        tree.create("mtty", "mtty-2", ONE);
        tree.remove(ONE);
        mtty.uninstall();
        Predicate<Uevent> last =
                event -> event.action().equals("remove") && event.devpath().equals("/module/mtty");
        Wait.until("the last event has come", () -> events.stream().skip(before).anyMatch(last));
        return List.copyOf(events.subList(before, events.size()));
    }

    @Test
    public void eventAdminDeliversTheSameEventsInTheSameOrder() throws Exception {
        List<Map<String, Object>> handled = new CopyOnWriteArrayList<>();
        Dictionary<String, ?> topic = FrameworkUtil.asDictionary(Map.of(EventConstants.EVENT_TOPIC, Uevent.TOPIC));
        listeners.add(
                context.registerService(EventHandler.class, (EventHandler) event -> handled.add(keys(event)), topic));

        List<Uevent> events = live();

        Wait.until("EventAdmin has delivered all events", () -> handled.size() >= events.size());
        assertEquals(events.stream().map(event -> new TreeMap<>(event.env())).toList(), handled);
        assertEquals(
                List.of("add", "bind", "unbind", "remove"),
                handled.stream()
                        .filter(event -> event.get("DEVPATH").equals(DEVICE))
                        .map(event -> event.get("ACTION"))
                        .toList());
        for (int i = 1; i < handled.size(); i++) {
            assertEquals(Long.parseLong((String) handled.get(i - 1).get("SEQNUM")) + 1, Long.parseLong((String)
                    handled.get(i).get("SEQNUM")));
        }
    }

    private static Map<String, Object> keys(Event event) {
        return Stream.of(event.getPropertyNames())
                .filter(key -> !key.equals(EventConstants.EVENT_TOPIC))
                .collect(Collectors.toMap(key -> key, event::getProperty, (one, _) -> one, TreeMap::new));
    }

    @Test
    public void monitorPrintsTheKeysInTheKernelsOrder() throws Exception {
        ByteArrayOutputStream terminal = new ByteArrayOutputStream();
        Thread monitor = Thread.ofPlatform().daemon().start(() -> {
            PrintStream print = new PrintStream(terminal, false, StandardCharsets.UTF_8);
            try (CommandSession session = gogo.createSession(InputStream.nullInputStream(), print, print)) {
                session.execute("mdev:monitor");
            } catch (InterruptedException e) {
                // its end
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
        Wait.until("the monitor listens", () -> {
            tree.write("/sys/bus/mdev/uevent", "change");
            return terminal.toString(StandardCharsets.UTF_8).contains("UEVENT change /bus/mdev\n");
        });

        List<Uevent> events = live();

        String expected = events.stream().map(UeventIT::printed).collect(Collectors.joining());
        Wait.until(
                "all is printed",
                () -> terminal.toString(StandardCharsets.UTF_8).contains(printed(events.getLast())));
        String text = terminal.toString(StandardCharsets.UTF_8);
        assertEquals(expected, text.substring(text.indexOf(printed(events.getFirst()))));
        String first = "UEVENT add %1$s\nACTION=add\nDEVPATH=%1$s\nSUBSYSTEM=mdev\nSEQNUM=".formatted(DEVICE);
        assertTrue(text, text.contains(first));

        monitor.interrupt(); // like Ctrl-C
        monitor.join();
    }

    private static String printed(Uevent event) {
        return event.env().entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue() + "\n")
                .collect(Collectors.joining("", "UEVENT " + event.action() + " " + event.devpath() + "\n", "\n"));
    }

    /** Found as a service, like uevent listeners. {@code VfioDeviceListenerTest} covers the rest. */
    @Test
    public void deviceListenerReceivesExistingAddedAndRemovedDevices() throws Exception {
        Bundle mtty = startModule("vendor.mtty");
        tree.create("mtty", "mtty-1", ONE);
        List<String> told = new CopyOnWriteArrayList<>();
        VfioDeviceListener listener = new VfioDeviceListener() {
            @Override
            public void added(String name, int group, Vfio vfio) {
                told.add("added " + name + " " + vfio.groups().contains(group));
            }

            @Override
            public void removing(String name) {
                told.add("removing " + name);
            }

            @Override
            public void removed(String name) {
                told.add("removed " + name);
            }
        };
        ServiceRegistration<?> registration = context.registerService(VfioDeviceListener.class, listener, null);
        assertEquals(List.of("added " + ONE + " true"), told);
        tree.remove(ONE);
        assertEquals(List.of("added " + ONE + " true", "removing " + ONE, "removed " + ONE), told);
        registration.unregister();
        tree.create("mtty", "mtty-1", ONE);
        mtty.uninstall();
        assertEquals("no notification after unregistration", 3, told.size());
    }
}
