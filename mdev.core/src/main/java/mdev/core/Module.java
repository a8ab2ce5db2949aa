package mdev.core;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import mdev.api.ClassDevice;
import mdev.api.ClassRegistry;
import mdev.api.DriverRegistry;
import mdev.api.MdevDriver;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.vfio.DeviceOps;
import mdev.core.bus.BusDriver;
import mdev.core.device.DeviceClass;
import mdev.core.device.Kobject;
import mdev.core.device.ShownDevice;
import mdev.core.slot.ForeignBundle;
import mdev.core.sysfs.Contents;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * A bundle as a module: this bundle's view of the core's services, and {@code /sys/module/<name>} from its first
 * registration of a parent or driver until it releases the services. Its registrations that are still open then are
 * closed.
 */
public final class Module extends Kobject implements ParentRegistry, DriverRegistry, ClassRegistry {
    private final MdevCore core;
    private final ForeignBundle owner;

    /**
     * Parents and drivers, which may take long to close, and all other registrations; both guarded by this set's
     * monitor, as is {@link #closed}.
     */
    private final Set<Closing> registrations = new LinkedHashSet<>();

    /** Large: one class device per device. */
    private final Set<Closing> classRegistrations = new LinkedHashSet<>();

    private boolean closed;

    /** Whether the bundle has released the core's services; guarded as {@link #closed}. */
    private boolean released;

    /**
     * The bundle that uses the core's services; replaced by the next version. No two are equal. Guarded as {@link
     * #closed}.
     */
    private ForeignBundle user;

    /** Written with the registrations' monitor held. */
    private volatile @Nullable ModuleUpdate update;

    /** Registrations in progress, and whether one has succeeded; guarded by the tree's change. */
    private int coming;

    private volatile boolean live;

    Module(MdevCore core, ForeignBundle owner, String name) {
        super(core.moduleDirectory(), name, core.uevents());
        this.core = core;
        this.owner = owner;
        this.user = owner;
    }

    @Override
    public <D extends DeviceOps> Registration registerDevice(ParentDevice device, ParentOps<D> ops)
            throws ErrnoException {
        given("parent device", device);
        given("ParentOps", ops);
        return registerAsModule(() -> {
            Parent parent = adopt(device, ops);
            return (parent == null ? Parent.register(core, this, device, ops) : parent).registration();
        });
    }

    /** Returns the existing parent that the new version of the vendor registers again; null if there is none. */
    private <D extends DeviceOps> @Nullable Parent adopt(ParentDevice device, ParentOps<D> ops) throws ErrnoException {
        ModuleUpdate now = update;
        Parent parent = core.parentsByName().get(device.name());
        if (now == null || parent == null || !now.awaits(parent)) {
            return null;
        }
        try {
            if (!parent.device().equals(device)) {
                throw new ErrnoException(
                        Errno.EINVAL,
                        parent.device().className().equals(device.className())
                                ? "parent " + device.name() + " is another PCI device, or none"
                                : "parent " + device.name() + " is of class "
                                        + parent.device().className() + ", not " + device.className());
            }
            parent.adopt(ops);
        } catch (ErrnoException e) {
            now.registered(parent, e);
            throw e;
        }
        now.registered(parent, null);
        return parent;
    }

    boolean isUpdating(Parent parent) {
        ModuleUpdate now = update;
        return now != null && now.awaits(parent);
    }

    /**
     * Begins an update of the module.
     *
     * @throws ErrnoException as for {@link mdev.api.LiveUpdates#begin}
     */
    ModuleUpdate update(Set<Long> states) throws ErrnoException {
        List<Parent> parents = core.parents().stream()
                .filter(parent -> parent.module().equals(this))
                .toList();
        ModuleUpdate begun = new ModuleUpdate(core, this, parents);
        synchronized (registrations) {
            if (update != null || closed) {
                throw new ErrnoException(Errno.EBUSY, "module " + name() + " is being updated or unloaded already");
            }
            update = begun;
        }
        boolean done = false;
        try {
            if (core.drivers().stream().anyMatch(driver -> driver.owner().equals(owner))) {
                throw new ErrnoException(Errno.EOPNOTSUPP, "module " + name() + " has a bus driver");
            }
            begun.begin(states);
            done = true;
            return begun;
        } finally {
            if (!done) {
                updated(begun);
            }
        }
    }

    /** Called when an update has ended. */
    void updated(ModuleUpdate ended) {
        boolean left;
        synchronized (registrations) {
            if (!ended.equals(update)) {
                return;
            }
            update = null;
            left = released && !closed;
        }
        if (left) {
            close(deadline());
        }
    }

    /** Whether the bundle that gets the core's services is another version of this module's bundle. */
    boolean isRenewed(ForeignBundle next) {
        synchronized (registrations) {
            if (update == null || !owner.symbolicName().equals(next.symbolicName())) {
                return false;
            }
            owner.replacedBy(next);
            user = next;
            released = false;
            return true;
        }
    }

    /** Whether the bundle has the core's services; false once another version has replaced it. */
    public boolean isUsedBy(ForeignBundle bundle) {
        synchronized (registrations) {
            return user.equals(bundle);
        }
    }

    @Override
    public Registration registerDriver(MdevDriver driver) throws ErrnoException {
        given("driver", driver);
        return registerAsModule(() -> {
            BusDriver registered = core.bus().register(owner, this, driver, deadline());
            return deadline -> registered.unregister(deadline);
        });
    }

    @Override
    public Registration createClass(String name) throws ErrnoException {
        DeviceClass made = core.classes().create(name);
        return keep(classRegistrations, _ -> core.classes().destroy(made));
    }

    @Override
    public Registration createDevice(ClassDevice device) throws ErrnoException {
        given("class device", device);
        ShownDevice made = ShownDevice.create(core.classes(), owner, device, core.uevents());
        return keep(classRegistrations, made::destroy);
    }

    /** Bundles need not be null-marked. */
    private void given(String what, @Nullable Object argument) throws ErrnoException {
        if (argument == null) {
            throw new ErrnoException(Errno.EINVAL, owner.symbolicName() + " passed no " + what);
        }
    }

    /** {@code do_init_module()}: the directory precedes the module's registrations, its event follows them. */
    private Registration registerAsModule(ForeignBundle.Call<Consumer<Deadline>> registration) throws ErrnoException {
        try (var _ = tree().change()) {
            if (coming++ == 0 && !live) {
                enter();
            }
        }
        boolean registered = false;
        try {
            Registration kept = keep(registrations, registration.call());
            registered = true;
            return kept;
        } finally {
            try (var _ = tree().change()) {
                // After close() the directory would never be removed.
                if (registered && !live && !closed()) {
                    live = true;
                    uevent("add");
                }
                // The directory may already belong to another incarnation, if close() was faster.
                if (--coming == 0 && !live && exists()) {
                    holder().remove(name());
                }
            }
        }
    }

    private boolean closed() {
        synchronized (registrations) {
            return closed;
        }
    }

    private void enter() throws ErrnoException {
        if (holder().child(name()) != null) {
            coming--;
            throw new ErrnoException(Errno.EEXIST, "module " + name() + " already exists");
        }
        holder().add(this);
    }

    private Registration keep(Set<Closing> kept, Consumer<Deadline> undo) throws ErrnoException {
        Closing closing = new Closing(this, undo);
        boolean late;
        synchronized (registrations) {
            late = closed;
            if (!late) {
                kept.add(closing);
            }
        }
        if (late) {
            closing.close();
            throw new ErrnoException(Errno.ENODEV, owner.symbolicName() + " has released the core");
        }
        return closing;
    }

    void forget(Closing closing) {
        synchronized (registrations) {
            if (!registrations.remove(closing)) {
                classRegistrations.remove(closing);
            }
        }
    }

    /** Makes the core's own module visible. */
    void appear() {
        try (var _ = tree().change()) {
            holder().add(this);
            live = true;
            uevent("add");
        }
    }

    /** The bundle stops: closes its open registrations, within one deadline for all. */
    public void close() {
        synchronized (registrations) {
            released = true;
        }
        if (update == null) {
            close(deadline());
        } else {
            closeRegistrations(deadline()); // the parents stay: the next version of the bundle adopts them
        }
    }

    void close(Deadline deadline) {
        synchronized (registrations) {
            closed = true;
        }
        ModuleUpdate running = update;
        if (running != null) {
            running.close();
        }
        closeRegistrations(deadline);
        try (var _ = tree().change()) {
            if (live) {
                live = false;
                uevent("remove");
                holder().remove(name());
            }
        }
        core.forget(this);
    }

    private void closeRegistrations(Deadline deadline) {
        List<Closing> slow;
        List<Closing> rest;
        synchronized (registrations) {
            slow = List.copyOf(registrations);
            rest = List.copyOf(classRegistrations).reversed();
        }
        if (slow.size() == 1) {
            slow.getFirst().close(deadline);
        } else {
            deadline.awaitUninterruptibly(core.calls()
                    .each("unload of " + name(), slow, Function.identity(), closing -> closing.close(deadline)));
        }
        rest.forEach(closing -> closing.close(deadline));
    }

    Deadline deadline() {
        return core.limits().deadline();
    }

    boolean live() {
        return live;
    }

    public ForeignBundle owner() {
        return owner;
    }

    /**
     * The users of its open devices and of the open devices bound to its drivers; for the core, the modules that use
     * it.
     */
    public List<String> users() {
        if (core.isSelf(this)) {
            return core.modules().stream()
                    .filter(module -> !module.equals(this))
                    .map(module -> "module " + module.name())
                    .toList();
        }
        return core.devices().stream()
                .filter(this::concerns)
                .flatMap(device -> device.user().map(user -> device.name() + " by " + user).stream())
                .toList();
    }

    /** Whether the module created the device or drives it. */
    public boolean concerns(MdevDevice device) {
        return device.supportedType().parent().module().equals(this)
                || device.driver()
                        .filter(driver -> driver.owner().equals(owner))
                        .isPresent();
    }

    @Override
    protected String subsystem() {
        return "module";
    }

    @Override
    protected void contents(Contents contents) {
        contents.file(Attribute.readOnly("initstate", () -> live ? "live\n" : "coming\n"));
        contents.file(Attribute.readOnly("refcnt", () -> users().size() + "\n"));
        contents.file(ueventTrigger());
        contents.file(Attribute.readOnly("version", () -> owner.version() + "\n"));
    }
}
