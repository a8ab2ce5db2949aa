package vfio.mdev;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
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
import mdev.config.CheckedProperties;
import mdev.config.IntKey;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.metatype.annotations.Designate;
import vfio.mdev.container.Container;
import vfio.mdev.container.IommuDrivers;
import vfio.mdev.device.GroupDevice;
import vfio.mdev.device.RegionSpace;
import vfio.mdev.group.Group;
import vfio.mdev.group.Groups;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * VFIO in this platform: the user API, and the driver {@code vfio_mdev} that makes mediated devices available through
 * it.
 */
@Component(
        service = {Vfio.class, VfioMdev.class},
        immediate = true,
        configurationPid = VfioConfig.PID)
@Designate(ocd = VfioConfig.class)
public final class VfioMdev implements Vfio, MdevDriver {
    private static final IntKey REQUEST_TIMEOUT =
            new IntKey("requestTimeout", 0, VfioConfig.MAX_TIMEOUT, VfioConfig.TIMEOUT);
    private static final IntKey MAPPINGS = new IntKey("maxMappings", 1, VfioConfig.MOST_MAPPINGS, VfioConfig.MAPPINGS);
    private static final IntKey FILES = new IntKey("maxFiles", 1, VfioConfig.MAX_FILES, VfioConfig.FILES);
    private static final IntKey FILE_SIZE =
            new IntKey("maxFileSize", 1, VfioConfig.MAX_FILE_SIZE, VfioConfig.FILE_SIZE);

    /** How long the unregistration of a device listener waits for its calls: less than SCR's lock timeout of 5 s. */
    private static final Duration UNREGISTERING = Duration.ofSeconds(4);

    private static final IntKey REGION_MEMORY =
            new IntKey("maxRegionMemory", 0, VfioConfig.MOST_REGION_MEMORY, VfioConfig.REGION_MEMORY);

    private final BoundedCalls calls = new BoundedCalls("vfio-call").withReserve();
    private final RegionSpace space = new RegionSpace();
    private final ClassRegistry classes;
    private final DriverRegistry drivers;
    private final Groups groups;
    private final IommuDrivers iommuDrivers;
    private final UserMemories memories;
    /** How long a removal waits for a user with an armed REQ interrupt. */
    private volatile Duration ask = Duration.ofMillis(VfioConfig.TIMEOUT);

    private final Map<Mdev, BoundDevice> bound = new ConcurrentHashMap<>();
    private final List<Subscriber> listeners = new CopyOnWriteArrayList<>();
    private final AtomicInteger containers = new AtomicInteger();
    /** The registrations that {@link #close} closes, in reverse order. */
    private final Deque<Registration> registrations = new ArrayDeque<>();

    @Activate
    public VfioMdev(
            @Reference ClassRegistry classes,
            @Reference DriverRegistry drivers,
            @Reference IommuDrivers iommuDrivers,
            @Reference UserMemories memories) {
        this.classes = classes;
        this.drivers = drivers;
        this.groups = new Groups(classes, calls, space);
        this.iommuDrivers = iommuDrivers;
        this.memories = memories;
    }

    /** DS has already added the existing listeners, so they are notified of the first device. */
    @Activate
    void start(Map<String, Object> properties) throws ErrnoException {
        configure(properties);
        try {
            // The order of vfio_init(): the misc device, the class; then the driver, which binds the existing devices.
            registrations.push(classes.createDevice(
                    Groups.characterDevice("misc", "vfio", 10, 196, "vfio/vfio", List.of("0666"))));
            registrations.push(classes.createClass(Groups.CLASS));
            registrations.push(drivers.registerDriver(this));
        } catch (ErrnoException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Applies to later removals and to memory opened later. */
    @Modified
    public void configure(Map<String, Object> properties) {
        CheckedProperties checked = new CheckedProperties(
                VfioConfig.PID, properties, REQUEST_TIMEOUT, REGION_MEMORY, MAPPINGS, FILES, FILE_SIZE);
        ask = Duration.ofMillis(checked.get(REQUEST_TIMEOUT));
        space.limit((long) checked.get(REGION_MEMORY) << 30);
        memories.limit(checked.get(MAPPINGS), checked.get(FILES), (long) checked.get(FILE_SIZE) << 30);
    }

    /** Unbinds every device, which closes all handles; afterwards the tree has no entries of VFIO. */
    @Deactivate
    public void close() {
        while (!registrations.isEmpty()) {
            registrations.pop().close(); // first the driver; only groups with an open file remain then
            groups.close();
        }
        calls.close();
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

    /** Notifies the listener of every existing device, and afterwards of added and removed devices. */
    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    public void addListener(VfioDeviceListener listener) {
        Subscriber added = new Subscriber(listener);
        // A device bound concurrently may be announced by either side; BoundDevice does so only once.
        listeners.add(added);
        announce("the devices", bound.values().stream().map(device -> device.added(added)));
    }

    private List<Subscription> announce(String what, Stream<@Nullable Subscription> subscriptions) {
        List<Subscription> told = subscriptions.filter(Objects::nonNull).toList();
        Announcement.added("announcement of " + what, told, calls);
        return told;
    }

    /** Once this has returned, no call of the listener is running, unless it is late, and none follows. */
    public void removeListener(VfioDeviceListener listener) {
        List<Subscriber> ended =
                listeners.stream().filter(each -> each.is(listener)).toList();
        listeners.removeAll(ended);
        for (Subscriber each : ended) {
            each.end(Deadline.in(UNREGISTERING));
            bound.values().forEach(device -> device.forget(each));
        }
    }

    /** For listings: the state of each group, in the order of their numbers. */
    public List<Group.State> states() {
        return groups.list().stream().map(Group::state).toList();
    }

    /** The groups of the devices that can be opened, by the names of the devices. */
    public Map<String, Group.State> byDevice() {
        Map<String, Group.State> groups = new LinkedHashMap<>();
        for (Group.State group : states()) {
            GroupDevice device = group.device();
            if (device != null) {
                groups.put(device.name(), group);
            }
        }
        return groups;
    }

    @Override
    public Map<String, Integer> devices() {
        Map<String, Integer> devices = new LinkedHashMap<>();
        byDevice().forEach((name, group) -> devices.put(name, group.number()));
        return devices;
    }

    @Override
    public Optional<String> holder(int group) {
        return states().stream()
                .filter(state -> state.number() == group && !state.holder().isEmpty())
                .map(Group.State::holder)
                .findFirst();
    }

    @Override
    public String name() {
        return "vfio_mdev";
    }

    @Override
    public void probe(Mdev mdev) throws ErrnoException {
        int number = mdev.iommuGroup()
                .orElseThrow(() -> new ErrnoException(Errno.EINVAL, "device " + mdev.uuid() + " has no IOMMU group"));
        BoundDevice device = new BoundDevice(mdev.uuid().toString(), groups.create(number, mdev), this);
        bound.put(mdev, device);
        for (Subscription told :
                announce("device " + device.name, listeners.stream().map(device::added))) {
            ErrnoException refusal = told.refusal();
            if (refusal != null) {
                remove(mdev, Duration.ZERO);
                throw refusal;
            }
        }
    }

    @Override
    public void remove(Mdev mdev, Duration gracePeriod) {
        BoundDevice device = bound.get(mdev);
        if (device == null) {
            return;
        }
        device.remove(calls, gracePeriod, ask);
        bound.remove(mdev);
    }

    @Override
    public Optional<String> user(Mdev mdev) {
        BoundDevice device = bound.get(mdev);
        return device == null ? Optional.empty() : device.group.user();
    }
}
