package mdev.core.bundle;

import java.util.List;
import mdev.api.ClassRegistry;
import mdev.api.DriverRegistry;
import mdev.api.ParentRegistry;
import mdev.api.UeventListener;
import mdev.api.shell.DeviceDetails;
import mdev.api.shell.ShellCommands;
import mdev.api.sysfs.Sysfs;
import mdev.core.Limits;
import mdev.core.MdevCore;
import mdev.core.Module;
import mdev.core.device.Owner;
import mdev.core.shell.CoreCommands;
import mdev.core.uevent.Uevents;
import org.osgi.annotation.bundle.Capability;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceFactory;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;

/** The core as a bundle: publishes its services, and tells the listeners that there are. */
@Component(
        service = {},
        immediate = true)
@Capability(
        namespace = "osgi.service",
        attribute =
                "objectClass:List<String>=\"mdev.api.ParentRegistry,mdev.api.DriverRegistry,mdev.api.ClassRegistry,mdev.api.sysfs.Sysfs,mdev.api.shell.ShellCommands\"",
        effective = "active")
public final class CoreComponent {
    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<UeventListener> listeners = List.of();

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<DeviceDetails> details = List.of();

    private final MdevCore core;
    private final List<ServiceRegistration<?>> services;

    @Activate
    public CoreComponent(BundleContext context) {
        core = new MdevCore(
                owner(context.getBundle()),
                Limits.of(context.getProperty(Limits.PROPERTY)),
                event -> listeners.forEach(listener -> Uevents.deliver(event, listener)));
        services = List.of(
                context.registerService(Sysfs.class, core.sysfs(), null),
                context.registerService(ShellCommands.class, new CoreCommands(core, context, () -> details), null),
                // Last: who gets one of these begins to register at once.
                context.registerService(
                        new String[] {
                            ParentRegistry.class.getName(),
                            DriverRegistry.class.getName(),
                            ClassRegistry.class.getName()
                        },
                        new Modules(core),
                        null));
    }

    @Deactivate
    public void deactivate() {
        // First: the framework lets the bundles go of the services one after another, with no deadline in common.
        core.close();
        services.reversed().forEach(ServiceRegistration::unregister);
    }

    private static Owner owner(Bundle bundle) {
        return new Owner(bundle.getSymbolicName(), bundle.getVersion().toString(), bundle.getBundleId());
    }

    /**
     * One module per bundle. The framework asks for it when the bundle takes the first of the services, and takes it back when the bundle
     * has let go of the last or stops, however it stops: so nothing of a bundle stays behind.
     */
    private record Modules(MdevCore core) implements ServiceFactory<Object> {
        @Override
        public Object getService(Bundle bundle, ServiceRegistration<Object> registration) {
            return core.module(owner(bundle));
        }

        @Override
        public void ungetService(Bundle bundle, ServiceRegistration<Object> registration, Object module) {
            ((Module) module).close();
        }
    }
}
