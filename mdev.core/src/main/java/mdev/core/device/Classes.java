package mdev.core.device;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Names;
import mdev.core.sysfs.Tree;
import mdev.core.uevent.Uevents;

/** The device classes: {@code class_create()} and the classes created implicitly by devices. */
public final class Classes {
    /** Not a real class: a directory with links to the parents ({@code class_compat_register()}). */
    private static final String PARENTS = "mdev_bus";

    private final Directory root;
    private final Directory virtual;
    private final Uevents uevents;

    /** @param devices {@code /sys/devices} */
    public Classes(Tree tree, Directory devices, Uevents uevents) {
        this.root = Tree.mkdir(tree, "class");
        this.virtual = Tree.mkdir(devices, "virtual");
        this.uevents = uevents;
        // Built into Linux: no event announces it.
        DeviceClass misc = new DeviceClass(this, root, virtual, "misc", uevents);
        try (var _ = tree.change()) {
            root.add(misc);
            misc.created(true);
        }
    }

    /**
     * {@code class_create()}; pairs with {@link #destroy}.
     *
     * @throws ErrnoException EEXIST, EINVAL
     */
    public DeviceClass create(String name) throws ErrnoException {
        Names.check("a class", name);
        try (var _ = root.tree().change()) {
            DeviceClass found = obtain(name);
            if (found.created()) {
                throw new ErrnoException(Errno.EEXIST, "class " + name + " already exists");
            }
            found.created(true);
            return found;
        }
    }

    /** {@code class_destroy()}. The class stays while it has devices. */
    public void destroy(DeviceClass created) {
        try (var _ = root.tree().change()) {
            created.created(false);
        }
    }

    /**
     * The class with the given name; called inside the change that adds a device to it.
     *
     * @throws ErrnoException EEXIST: the core uses the name
     */
    public DeviceClass obtain(String name) throws ErrnoException {
        if (root.child(name) instanceof DeviceClass found) {
            return found;
        }
        if (name.equals(PARENTS)) {
            throw new ErrnoException(Errno.EEXIST, "class " + name + " already exists");
        }
        DeviceClass made = new DeviceClass(this, root, virtual, name, uevents);
        root.add(made);
        made.uevent("add");
        return made;
    }

    void dropUnused(DeviceClass it) {
        if (!it.used()) {
            root.remove(it.name());
            it.uevent("remove");
        }
    }

    /** {@code /sys/class/mdev_bus}: appears with the first parent and stays. Called inside a change of the tree. */
    public Directory parents() {
        if (root.child(PARENTS) instanceof Directory there) {
            return there;
        }
        Directory made = new Directory(root, PARENTS);
        root.add(made);
        return made;
    }

    /** {@code /sys/devices/virtual}. */
    Directory virtual() {
        return virtual;
    }
}
