package mdev.core;

import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import mdev.api.LiveUpdate;
import mdev.api.LoadedModule;
import mdev.api.ParentDevice;
import mdev.api.Registration;
import mdev.api.UeventListener;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.core.bus.BusDriver;
import mdev.core.bus.MdevBus;
import mdev.core.device.Classes;
import mdev.core.device.PciBus;
import mdev.core.device.Subsystem;
import mdev.core.slot.ForeignBundle;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Tree;
import mdev.core.uevent.Uevents;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;

/**
 * The mediated core ({@code drivers/vfio/mdev}): a single object, which each bundle accesses through its {@link
 * Module}.
 *
 * <p>Invariants and their guards:
 *
 * <ol>
 * <li>a UUID is unique: the map of devices, {@link #claim} and {@link #release};
 * <li>no create starts on a parent that is being unregistered: the parent's {@link mdev.core.slot.Gate};
 * <li>a device has at most one driver: {@code mdev.core.bus.Binding};
 * <li>events have the order of the changes: {@link Tree#change()}, under which the states of parents and devices
 * change.
 * </ol>
 */
public final class MdevCore implements AutoCloseable {
    private final Tree tree = new Tree();
    private final Uevents uevents = new Uevents(tree);
    private final BoundedCalls calls;
    private volatile Limits limits;
    private final Classes classes;
    private final PciBus pci;
    private final MdevBus bus;
    private final Directory moduleDirectory;
    private final List<Module> modules = new CopyOnWriteArrayList<>();
    private final Module self;

    /** Set before {@link #close} lists the modules to unload: a later module sees it. */
    private volatile boolean closed;

    /** Invariant 1: the thread that inserts a device here owns its UUID until it removes the device. */
    private final Map<UUID, MdevDevice> devices = new ConcurrentHashMap<>();

    /** The parents by name; changed inside a change of the tree, together with their entries in the tree. */
    private final Map<String, Parent> parents = new ConcurrentSkipListMap<>();

    /**
     * @param owner the core's own bundle
     * @param listener receives every event from the first one on
     */
    public MdevCore(ForeignBundle owner, Limits limits, UeventListener listener) {
        this(owner, limits, listener, new BoundedCalls("mdev-call").withReserve(), Path.of("/sys/bus/pci/devices"));
    }

    /** @param hostPci the host's {@code /sys/bus/pci/devices} */
    MdevCore(ForeignBundle owner, Limits limits, UeventListener listener, BoundedCalls calls, Path hostPci) {
        this.calls = calls;
        this.limits = limits;
        uevents.listen(listener);
        Directory allDevices = Tree.mkdir(tree, "devices");
        classes = new Classes(tree, allDevices, uevents);
        Directory buses = Tree.mkdir(tree, "bus");
        pci = new PciBus(buses, allDevices, hostPci);
        Directory kernel = Tree.mkdir(tree, "kernel");
        moduleDirectory = Tree.mkdir(tree, "module");
        bus = new MdevBus(buses, kernel, uevents, calls, () -> this.limits.deadline(), () -> this.limits.gracePeriod());
        self = new Module(this, owner, LoadedModule.CORE);
        modules.add(self);
        self.appear();
    }

    /** Creates the module for a bundle; its {@link Module#close()} closes all registrations of the bundle. */
    public Module module(ForeignBundle owner) {
        for (Module existing : modules) {
            if (existing.isRenewed(owner)) {
                return existing;
            }
        }
        Module module = new Module(this, owner, LoadedModule.nameOf(owner.symbolicName()));
        modules.add(module);
        if (closed) {
            module.close();
        }
        return module;
    }

    /**
     * Begins an update of a bundle.
     *
     * @throws ErrnoException as for {@link mdev.api.LiveUpdates#begin}
     */
    public LiveUpdate update(long bundleId, Set<Long> states) throws ErrnoException {
        for (Module module : modules()) {
            if (module.owner().bundleId() == bundleId && !isSelf(module)) {
                return module.update(states);
            }
        }
        throw new ErrnoException(Errno.EOPNOTSUPP, "bundle " + bundleId + " is not a loaded vendor's");
    }

    boolean isSelf(Module module) {
        return module.equals(self);
    }

    void forget(Module module) {
        modules.remove(module);
    }

    /** Claims the device's UUID; returns false if the UUID is in use. Pairs with {@link #release}. */
    boolean claim(MdevDevice device) {
        return devices.putIfAbsent(device.uuid(), device) == null;
    }

    void release(MdevDevice device) {
        devices.remove(device.uuid(), device);
    }

    Map<String, Parent> parentsByName() {
        return parents;
    }

    public Sysfs sysfs() {
        return tree;
    }

    /** The parents in the order of their names. */
    public Collection<Parent> parents() {
        return parents.values();
    }

    /** The devices that own a UUID, including devices being created or left behind. */
    public Collection<MdevDevice> devices() {
        return devices.values();
    }

    /** The drivers in the order of registration. */
    public List<BusDriver> drivers() {
        return bus.drivers();
    }

    /** The modules in the tree. */
    public List<Module> modules() {
        return modules.stream().filter(Module::live).toList();
    }

    /** The modules as {@link mdev.api.LoadedModules} reports them. */
    public List<LoadedModule> loadedModules() {
        return modules().stream()
                .map(module -> new LoadedModule(module.name(), module.owner().bundleId(), module.users()))
                .toList();
    }

    /** Adds a listener for uevents. */
    public Registration listen(UeventListener listener) {
        return uevents.listen(listener);
    }

    Tree tree() {
        return tree;
    }

    Uevents uevents() {
        return uevents;
    }

    public BoundedCalls calls() {
        return calls;
    }

    Limits limits() {
        return limits;
    }

    /** Changes the limits for later removals and unregistrations. */
    public void limit(Limits changed) {
        limits = changed;
    }

    Classes classes() {
        return classes;
    }

    /**
     * Where a parent belongs; called inside the change of the tree that adds it.
     *
     * @throws ErrnoException EEXIST: the core uses the name of the class; EINVAL: not a PCI address, or in a
     *     domain of the host
     */
    Subsystem subsystem(ParentDevice parent) throws ErrnoException {
        return parent.pci().isPresent()
                ? pci.slot(parent.name(), parent.className(), parent.pci().get())
                : classes.obtain(parent.className());
    }

    MdevBus bus() {
        return bus;
    }

    Directory moduleDirectory() {
        return moduleDirectory;
    }

    /**
     * {@code rmmod mdev}: closes all registrations of all bundles in parallel and within one deadline; rejects new
     * registrations.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        Deadline deadline = limits.deadline();
        List<Module> others =
                modules.stream().filter(module -> !module.equals(self)).toList();
        deadline.awaitUninterruptibly(
                calls.each("unload of a module", others, Function.identity(), module -> module.close(deadline)));
        bus.close();
        self.close();
        uevents.close();
        calls.close();
    }
}
