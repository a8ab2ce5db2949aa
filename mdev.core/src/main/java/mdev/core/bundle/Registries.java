package mdev.core.bundle;

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
import mdev.api.vfio.DeviceOps;
import mdev.core.Module;
import mdev.core.slot.ForeignBundle;
import org.osgi.service.component.ComponentContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;

/**
 * The registries, one instance per bundle that uses them: its module. The framework creates it when the bundle gets the
 * first of the services, and releases it when the bundle has released the last one or stops for any reason: so no
 * registration outlives its bundle.
 */
@Component(
        service = {ParentRegistry.class, DriverRegistry.class, ClassRegistry.class},
        scope = ServiceScope.BUNDLE)
public final class Registries implements ParentRegistry, DriverRegistry, ClassRegistry {
    private final CoreComponent core;
    private final ForeignBundle bundle;
    private final Module module;

    @Activate
    public Registries(ComponentContext context, @Reference CoreComponent core) {
        this.core = core;
        bundle = CoreComponent.owner(context.getUsingBundle());
        module = core.core().module(bundle); // closed in close()
    }

    @Deactivate
    void close() {
        core.closeIfStopping();
        if (module.isUsedBy(bundle)) {
            module.close();
        }
    }

    /** A hung bundle may still call after another version has replaced it. */
    private Module module() throws ErrnoException {
        if (!module.isUsedBy(bundle)) {
            throw new ErrnoException(Errno.ENODEV, bundle + " has been replaced by another version");
        }
        return module;
    }

    @Override
    public <D extends DeviceOps> Registration registerDevice(ParentDevice device, ParentOps<D> ops)
            throws ErrnoException {
        return registration(module().registerDevice(device, ops));
    }

    @Override
    public Registration registerDriver(MdevDriver driver) throws ErrnoException {
        return registration(module().registerDriver(driver));
    }

    @Override
    public Registration createClass(String name) throws ErrnoException {
        return module().createClass(name);
    }

    @Override
    public Registration createDevice(ClassDevice device) throws ErrnoException {
        return module().createDevice(device);
    }

    /** The registrations that a bundle itself closes when it stops: parents and drivers. */
    private Registration registration(Registration made) {
        return () -> {
            core.closeIfStopping();
            made.close();
        };
    }
}
