package vfio.mdev;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.ClassRegistry;
import mdev.api.DriverRegistry;
import mdev.api.Mdev;
import mdev.api.MdevDriver;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDeviceListener;
import mdev.api.vfio.VfioGroup;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import vfio.mdev.container.Container;
import vfio.mdev.container.IommuDrivers;
import vfio.mdev.device.MdevDevice;
import vfio.mdev.group.Group;
import vfio.mdev.group.Groups;

/** VFIO in this platform: the user API, and the driver {@code vfio_mdev} that puts mediated devices behind it. */
@Component(service = {Vfio.class, VfioMdev.class})
public final class VfioMdev implements Vfio, MdevDriver {
    private final Groups groups;
    private final IommuDrivers iommuDrivers;
    private final Duration ask;
    private final Map<Mdev, BoundDevice> bound = new ConcurrentHashMap<>();
    private final List<VfioDeviceListener> listeners = new CopyOnWriteArrayList<>();
    /** Removed devices whose vendor is not quiet yet. */
    private final Map<Mdev, CompletionStage<Void>> late = new ConcurrentHashMap<>();

    private final AtomicInteger containers = new AtomicInteger();
    /** What {@link #close} takes back, the last first. */
    private final Deque<Registration> registrations = new ArrayDeque<>();

    @Activate
    public VfioMdev(
            BundleContext context,
            @Reference ClassRegistry classes,
            @Reference DriverRegistry drivers,
            @Reference IommuDrivers iommuDrivers)
            throws ErrnoException {
        this(classes, drivers, iommuDrivers, RequestTimeout.of(context.getProperty(RequestTimeout.PROPERTY)));
    }

    /** @param ask how long a user who listens is waited for when its device is removed */
    public VfioMdev(ClassRegistry classes, DriverRegistry drivers, IommuDrivers iommuDrivers, Duration ask)
            throws ErrnoException {
        this.groups = new Groups(classes);
        this.iommuDrivers = iommuDrivers;
        this.ask = ask;
        try {
            // The order of vfio_init(): the misc device, the class; the driver binds what is there already.
            registrations.push(classes.createDevice(
                    Groups.characterDevice("misc", "vfio", 10, 196, "vfio/vfio", List.of("0666"))));
            registrations.push(classes.createClass(Groups.CLASS));
            registrations.push(drivers.registerDriver(this));
        } catch (ErrnoException | RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Unbinds every device, which closes all handles; then nothing of VFIO is left in the tree. */
    @Deactivate
    public void close() {
        while (!registrations.isEmpty()) {
            registrations.pop().close(); // first the driver, so that then only groups are left whose file is open
            groups.close();
        }
    }

    @Override
    public VfioContainer openContainer() {
        return new Container(containers.incrementAndGet(), iommuDrivers);
    }

    @Override
    public VfioGroup openGroup(int number, String holder) throws ErrnoException {
        return groups.open(number, holder);
    }

    @Override
    public List<Integer> groups() {
        return groups.list().stream().map(Group::number).toList();
    }

    @Override
    public void registerListener(VfioDeviceListener listener) {
        // Who is bound meanwhile may be told by either side; BoundDevice tells once.
        listeners.add(listener);
        bound.values().forEach(device -> device.added(listener, listeners));
    }

    @Override
    public void unregisterListener(VfioDeviceListener listener) {
        listeners.remove(listener);
        bound.values().forEach(device -> device.forget(listener));
    }

    /** For listings: the state of each group, in the order of their numbers. */
    public List<Group.State> states() {
        return groups.list().stream().map(Group::state).toList();
    }

    @Override
    public String name() {
        return "vfio_mdev";
    }

    @Override
    public void probe(Mdev mdev) throws ErrnoException {
        int number = mdev.iommuGroup()
                .orElseThrow(() -> new ErrnoException(Errno.EINVAL, "device " + mdev.uuid() + " is in no IOMMU group"));
        BoundDevice device = new BoundDevice(mdev.uuid().toString(), groups.create(number, new MdevDevice(mdev)));
        bound.put(mdev, device);
        listeners.forEach(listener -> device.added(listener, listeners));
    }

    @Override
    public void remove(Mdev mdev, Duration patience) {
        BoundDevice device = bound.get(mdev);
        if (device == null) {
            return;
        }
        device.removing();
        Group group = device.group();
        group.removeDevice(patience, ask);
        device.removed();
        bound.remove(mdev); // not before: unregisterListener() waits for the calls of what is here
        CompletionStage<Void> quiet = group.quiet();
        late.put(mdev, quiet);
        var _ = quiet.thenRun(() -> late.remove(mdev, quiet));
    }

    @Override
    public CompletionStage<Void> quiesced(Mdev mdev) {
        return late.getOrDefault(mdev, CompletableFuture.completedStage(null));
    }

    @Override
    public Optional<String> user(Mdev mdev) {
        BoundDevice device = bound.get(mdev);
        return device == null ? Optional.empty() : device.group().user();
    }
}
