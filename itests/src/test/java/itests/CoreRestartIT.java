package itests;

import static org.junit.Assert.assertEquals;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.options;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.VfioPci;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.ops4j.pax.exam.Option;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.event.EventConstants;
import org.osgi.service.event.EventHandler;

/** {@code mdev.core} restarts while the bundles that use it keep running. */
public class CoreRestartIT extends PlatformTestSupport {
    /** The time that a removal takes if it waits for another bundle's. */
    private static final String FOREVER = "removalTimeout=3600000";

    private final HeardUevents heard = new HeardUevents();
    private final List<ServiceRegistration<?>> listeners = new ArrayList<>();
    private Bundle core;
    private Bundle mtty;

    @Override
    protected Option[] more() {
        try {
            Path configuration = RunDirectory.create();
            Files.writeString(configuration.resolve("mdev.core.cfg"), FOREVER);
            return options(frameworkProperty("mdev.drop").value(configuration.toString()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Before
    public void before() throws BundleException {
        listeners.add(context.registerService(UeventListener.class, heard, null));
        core = bundleNamed("mdev.core");
        mtty = startModule("vendor.mtty");
    }

    @After
    public void after() throws BundleException {
        bundleNamed("org.apache.felix.eventadmin").start();
        mtty.uninstall();
        listeners.forEach(ServiceRegistration::unregister);
    }

    /** Returns once the vendor has registered with the new core. */
    private void start() throws Exception {
        core.start();
        Predicate<Uevent> last =
                event -> event.action().equals("add") && event.devpath().equals("/module/mtty");
        Wait.until("mtty is back", () -> heard.events().stream().anyMatch(last));
    }

    private static List<String> seqnums(List<Uevent> events) {
        return events.stream().map(event -> event.env().get("SEQNUM")).toList();
    }

    @Test
    public void earlierListenerReceivesEveryEventOfTheNewCore() throws Exception {
        List<String> handled = new CopyOnWriteArrayList<>();
        listeners.add(context.registerService(
                EventHandler.class,
                (EventHandler) event -> handled.add((String) event.getProperty("SEQNUM")),
                FrameworkUtil.asDictionary(Map.of(EventConstants.EVENT_TOPIC, Uevent.TOPIC))));
        for (int round = 0; round < 10; round++) {
            core.stop();
            String last = seqnums(heard.events()).getLast();
            Wait.until("EventAdmin has delivered all events of the old core", () -> handled.contains(last));
            heard.events().clear();
            handled.clear();

            start();

            List<Uevent> events = List.copyOf(heard.events());
            List<String> all = IntStream.rangeClosed(1, events.size())
                    .mapToObj(Integer::toString)
                    .toList();
            assertEquals(all, seqnums(events));
            Wait.until("EventAdmin has delivered the last event", () -> handled.contains(all.getLast()));
            assertEquals(all, List.copyOf(handled).subList(0, all.size()));
        }
    }

    @Test
    public void coreRunsWithoutEventAdmin() throws Exception {
        bundleNamed("org.apache.felix.eventadmin").stop();
        core.stop();
        heard.events().clear();
        start();
        ServiceReference<Sysfs> sysfs = context.getServiceReference(Sysfs.class);
        Tree tree = new Tree(context.getService(sysfs));
        UUID uuid = UUID.randomUUID();
        tree.create("mtty", "mtty-1", uuid);
        tree.remove(uuid);
        context.ungetService(sysfs);
    }

    /** A vendor with a {@code remove} that returns once the remove of every other vendor has begun. */
    private record Together(String name, CountDownLatch others) implements ParentOps<DeviceOps> {
        void register(Bundle owner) throws ErrnoException {
            BundleContext bundle = owner.getBundleContext();
            bundle.getService(bundle.getServiceReference(ParentRegistry.class))
                    .registerDevice(new ParentDevice("together", name), this);
        }

        @Override
        public List<MdevType> supportedTypes() {
            return List.of(MdevType.of("1", "Together", VfioPci.DEVICE_API, () -> 1));
        }

        @Override
        public DeviceOps create(Mdev mdev) {
            return _ -> {
                throw new ErrnoException(Errno.ENOTTY);
            };
        }

        @Override
        public void remove(DeviceOps device) {
            others.countDown();
            try {
                others.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Test
    public void stoppingCoreClosesTheModulesOfAllBundlesAtOnce() throws Exception {
        CountDownLatch removals = new CountDownLatch(2);
        new Together("one", removals).register(bundleNamed("org.apache.felix.log"));
        new Together("two", removals).register(bundleNamed("org.apache.felix.eventadmin"));
        Tree tree = new Tree(context.getService(context.getServiceReference(Sysfs.class)));
        tree.create("one", "together-1", UUID.randomUUID());
        tree.create("two", "together-1", UUID.randomUUID());
        Thread stop = Thread.ofPlatform().daemon().start(() -> {
            try {
                core.stop();
            } catch (BundleException e) {
                throw new AssertionError(e);
            }
        });
        Wait.until("the core has stopped", () -> !stop.isAlive());
        assertEquals(0, removals.getCount());
        core.start();
        Wait.until("the tree is back", () -> context.getServiceReference(Sysfs.class) != null);
    }
}
