package itests.accelerator;

import java.util.List;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioPci;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** Accelerators with much memory: a type for each size, named after its GiB. */
@Component(service = {})
public final class Accelerator implements ParentOps<AcceleratorCard> {
    private final Registration registration;

    @Activate
    public Accelerator(@Reference ParentRegistry registry) throws ErrnoException {
        registration = registry.registerDevice(new ParentDevice("accelerator", "accelerator0"), this);
    }

    @Deactivate
    void exit() {
        registration.close();
    }

    @Override
    public List<MdevType> supportedTypes() {
        return Stream.of(1, 64)
                .map(size ->
                        MdevType.of(size + "g", size + " GiB of memory", VfioPci.DEVICE_API, () -> Integer.MAX_VALUE))
                .toList();
    }

    @Override
    public AcceleratorCard create(Mdev mdev) {
        String group = mdev.type().group();
        return new AcceleratorCard(Long.parseLong(group, 0, group.length() - 1, 10) << 30);
    }

    @Override
    public void remove(AcceleratorCard card) {}
}
