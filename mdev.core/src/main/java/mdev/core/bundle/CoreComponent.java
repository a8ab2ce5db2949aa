package mdev.core.bundle;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import mdev.api.LiveUpdate;
import mdev.api.LiveUpdates;
import mdev.api.LoadedModule;
import mdev.api.LoadedModules;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsListener;
import mdev.api.sysfs.SysfsNode;
import mdev.config.CheckedProperties;
import mdev.config.IntKey;
import mdev.core.Limits;
import mdev.core.MdevCore;
import mdev.core.slot.ForeignBundle;
import mdev.core.uevent.Uevents;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventAdmin;
import org.osgi.service.metatype.annotations.Designate;

/**
 * Owns the core and publishes its tree. DS binds the listeners before {@link #start}, and the core publishes no service
 * before it: so a listener registered by then receives every event of the core, from the first one on.
 */
@Component(
        service = {CoreComponent.class, Sysfs.class, LoadedModules.class, LiveUpdates.class},
        immediate = true,
        configurationPid = CoreConfig.PID)
@Designate(ocd = CoreConfig.class)
public final class CoreComponent implements Sysfs, LoadedModules, LiveUpdates {
    private static final IntKey REMOVAL_TIMEOUT =
            new IntKey("removalTimeout", 0, CoreConfig.MAX_TIMEOUT, Limits.STANDARD_MILLIS);
    private static final IntKey UPDATE_TIMEOUT =
            new IntKey("updateTimeout", 1, CoreConfig.MAX_TIMEOUT, Limits.UPDATE_MILLIS);

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<UeventListener> listeners = List.of();

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    private volatile @Nullable EventAdmin eventAdmin;

    private final FaultLog faults = Uevents.faultLog();
    private final Bundle bundle;
    private final Bundle framework;

    /** Set once, in {@link #start}. */
    private volatile MdevCore core;

    @Activate
    public CoreComponent(BundleContext context) {
        bundle = context.getBundle();
        framework = context.getBundle(Constants.SYSTEM_BUNDLE_ID);
    }

    @Activate
    public void start(Map<String, Object> properties) {
        core = new MdevCore(owner(bundle), limits(properties), this::deliver); // closed in stop()
    }

    @Modified
    void configure(Map<String, Object> properties) {
        core.limit(limits(properties));
    }

    @Deactivate
    public void stop() {
        core.close();
    }

    /**
     * Closes the core if its bundle, or the framework, is being stopped. DS unregisters a component's services before
     * it deactivates the component, so the users of the registries stop first, one after another, each with its own
     * deadline; so do the bundles of a framework. The first of them calls this method, which closes the registrations
     * of all of them in parallel and within one deadline.
     */
    void closeIfStopping() {
        if (bundle.getState() == Bundle.STOPPING || framework.getState() == Bundle.STOPPING) {
            core.close();
        }
    }

    public MdevCore core() {
        return core;
    }

    static ForeignBundle owner(Bundle bundle) {
        return new ForeignBundle(bundle.getSymbolicName(), bundle.getVersion().toString(), bundle.getBundleId());
    }

    private static Limits limits(Map<String, Object> properties) {
        CheckedProperties checked = new CheckedProperties(CoreConfig.PID, properties, REMOVAL_TIMEOUT, UPDATE_TIMEOUT);
        return Limits.within(
                Duration.ofMillis(checked.get(REMOVAL_TIMEOUT)), Duration.ofMillis(checked.get(UPDATE_TIMEOUT)));
    }

    private void deliver(Uevent event) {
        listeners.forEach(listener -> Uevents.deliver(event, listener, faults));
        EventAdmin admin = eventAdmin;
        if (admin != null) {
            Uevents.deliver(event, posted -> post(posted, admin), faults);
        }
    }

    /** Does not wait for handlers; EventAdmin keeps the order of events posted by one thread. */
    private static void post(Uevent event, EventAdmin admin) {
        admin.postEvent(new Event(Uevent.TOPIC, event.env()));
    }

    @Override
    public List<LoadedModule> modules() {
        return core.loadedModules();
    }

    @Override
    public LiveUpdate begin(long bundleId, Set<Long> states) throws ErrnoException {
        return core.update(bundleId, states);
    }

    @Override
    public SysfsDirectory root() {
        return core.sysfs().root();
    }

    @Override
    public SysfsNode lookup(String path, boolean followLast) throws ErrnoException {
        return core.sysfs().lookup(path, followLast);
    }

    @Override
    public void addListener(SysfsListener listener) {
        core.sysfs().addListener(listener);
    }

    @Override
    public void removeListener(SysfsListener listener) {
        core.sysfs().removeListener(listener);
    }

    @Override
    public void changed(String path) {
        core.sysfs().changed(path);
    }
}
