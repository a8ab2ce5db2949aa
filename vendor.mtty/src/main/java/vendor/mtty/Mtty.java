package vendor.mtty;

import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** {@code mtty_dev_init()} and {@code mtty_dev_exit()}: the parent is registered while the bundle runs. */
@Component(service = {})
public final class Mtty {
    private final ParentRegistry registry;

    /** Closed in {@link #exit()}. */
    private Registration registration;

    @Activate
    public Mtty(@Reference ParentRegistry registry) {
        this.registry = registry;
    }

    /** @throws ErrnoException as for {@link ParentRegistry#registerDevice} */
    @Activate
    void init() throws ErrnoException {
        registration = registry.registerDevice(MttyParent.DEVICE, new MttyParent());
    }

    @Deactivate
    void exit() {
        registration.close();
    }
}
