package mdev.core;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.ClassDevice;
import mdev.api.ClassRegistry;
import mdev.api.Mdev;
import mdev.api.MdevDriver;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;

/** A driver with the same tree entries as vfio_mdev; tests can hook into its calls. */
final class TestVfio implements MdevDriver {
    /** Runs inside a call of the driver. */
    @FunctionalInterface
    interface Step {
        void run(Mdev mdev) throws ErrnoException;
    }

    private final String name;
    private final ClassRegistry classes;
    private final Map<Mdev, Registration> bound = new ConcurrentHashMap<>();
    private final Set<Mdev> inside = ConcurrentHashMap.newKeySet();
    volatile Step inProbe = _ -> {};
    volatile Step inRemove = _ -> {};
    volatile Optional<String> user = Optional.empty();

    TestVfio(String name, ClassRegistry classes) {
        this.name = name;
        this.classes = classes;
    }

    TestVfio(ClassRegistry classes) {
        this("vfio_mdev", classes);
    }

    static ClassDevice misc() {
        return device("misc", "vfio", 10, 196, "vfio/vfio", "0666");
    }

    private static ClassDevice device(String className, String name, int major, int minor, String node, String mode) {
        SequencedMap<String, String> env = new LinkedHashMap<>();
        env.put("MAJOR", Integer.toString(major));
        env.put("MINOR", Integer.toString(minor));
        env.put("DEVNAME", node);
        if (!mode.isEmpty()) {
            env.put("DEVMODE", mode);
        }
        return new ClassDevice(
                className,
                name,
                env,
                List.of(new AttributeGroup("", List.of(Attribute.readOnly("dev", () -> major + ":" + minor + "\n")))));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void probe(Mdev mdev) throws ErrnoException {
        enter(mdev);
        try {
            inProbe.run(mdev);
            int group = mdev.iommuGroup().orElseThrow();
            Registration shown =
                    classes.createDevice(device("vfio", Integer.toString(group), 250, group, "vfio/" + group, ""));
            if (bound.put(mdev, shown) != null) {
                throw new IllegalStateException(mdev.uuid() + " is probed twice");
            }
        } finally {
            inside.remove(mdev);
        }
    }

    @Override
    public void remove(Mdev mdev, Duration gracePeriod) {
        enter(mdev);
        try {
            inRemove.run(mdev);
            Registration shown = bound.remove(mdev);
            if (shown == null) {
                throw new IllegalStateException(mdev.uuid() + " is not bound");
            }
            shown.close();
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        } finally {
            inside.remove(mdev);
        }
    }

    /** Asserts invariant 3 from the driver's side. */
    private void enter(Mdev mdev) {
        if (!inside.add(mdev)) {
            throw new IllegalStateException("probe and remove of " + mdev.uuid() + " overlap");
        }
    }

    @Override
    public Optional<String> user(Mdev mdev) {
        return user;
    }

    int bound() {
        return bound.size();
    }
}
