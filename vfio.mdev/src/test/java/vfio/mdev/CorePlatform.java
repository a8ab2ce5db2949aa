package vfio.mdev;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import mdev.core.Limits;
import mdev.core.MdevCore;
import mdev.core.slot.ForeignBundle;
import vfio.mdev.container.IommuDrivers;
import vfio.mdev.iommu.Type1Driver;
import vfio.mdev.iommu.memory.UserMemories;

/** The driver on the real core. */
public final class CorePlatform implements AutoCloseable {
    public static final String DEVICES = "/sys/bus/mdev/devices/";

    /** Limits that are never reached, even on a busy machine. */
    public static final Limits PATIENT = limits(TestPlatform.PATIENCE);

    public final MdevCore core;
    public final VfioMdev vfio;

    public CorePlatform() throws ErrnoException {
        core = new MdevCore(new ForeignBundle("mdev.core", "1.0.0", 1), PATIENT, _ -> {});
        mdev.core.Module module = core.module(new ForeignBundle("vfio.mdev", "1.0.0", 2));
        UserMemories memories = new UserMemories();
        IommuDrivers iommuDrivers = new IommuDrivers();
        iommuDrivers.addDriver(new Type1Driver(memories));
        vfio = new VfioMdev(module, module, iommuDrivers, memories);
        vfio.start(Map.of());
    }

    /** @param update the time limit of an update */
    public static Limits limits(Duration update) {
        return new Limits(TestPlatform.PATIENCE, TestPlatform.PATIENCE, update);
    }

    public String read(String path) throws ErrnoException {
        return new String(file(path).read(), UTF_8);
    }

    public void write(String path, String value) throws ErrnoException {
        file(path).write(value.getBytes(UTF_8));
    }

    /** The number of a bound device's group. */
    public int group(UUID device) {
        return Objects.requireNonNull(vfio.devices().get(device.toString()), "the device is bound");
    }

    public boolean exists(String path) {
        try {
            core.sysfs().lookup(path, false);
            return true;
        } catch (ErrnoException e) {
            return false;
        }
    }

    private SysfsFile file(String path) throws ErrnoException {
        return (SysfsFile) core.sysfs().lookup(path, true);
    }

    @Override
    public void close() {
        vfio.close();
        core.close();
    }
}
