package mdev.core.device;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Names;
import mdev.core.sysfs.Tree;
import mdev.core.uevent.Uevents;

/** The device classes: {@code class_create()} and what classes devices bring with them. */
public final class Classes {
    /** The class that is none: links to the parents ({@code class_compat_register()}). */
    private static final String PARENTS = "mdev_bus";

    private final Directory root;
    private final Directory virtual;
    private final Uevents uevents;

    public Classes(Tree tree, Uevents uevents) {
        this.root = Tree.mkdir(tree, "class");
        this.virtual = Tree.mkdir(Tree.mkdir(tree, "devices"), "virtual");
        this.uevents = uevents;
        // Linux has it built in: no event tells of it.
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
                throw new ErrnoException(Errno.EEXIST, "there is a class " + name + " already");
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
     * The class of that name, inside the change that adds a device to it.
     *
     * @throws ErrnoException EEXIST: the name is the core's
     */
    public DeviceClass obtain(String name) throws ErrnoException {
        if (root.child(name) instanceof DeviceClass found) {
            return found;
        }
        if (name.equals(PARENTS)) {
            throw new ErrnoException(Errno.EEXIST, "there is a class " + name + " already");
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

    /** {@code /sys/class/mdev_bus}: comes with the first parent and stays. Inside a change of the tree. */
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
