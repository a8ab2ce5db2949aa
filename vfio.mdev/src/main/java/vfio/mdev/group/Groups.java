package vfio.mdev.group;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.NavigableMap;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.ClassDevice;
import mdev.api.ClassRegistry;
import mdev.api.Mdev;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.VfioGroup;
import mdev.sync.BoundedCalls;
import org.jspecify.annotations.Nullable;
import vfio.mdev.device.GroupDevice;
import vfio.mdev.device.RegionSpace;

/**
 * The existing groups by number, and their nodes {@code /sys/class/vfio/<number>}. The core assigns the numbers; this
 * class assigns the minors, the lowest free one first.
 */
public final class Groups {
    /** The class of the nodes, and the directory of their names. */
    public static final String CLASS = "vfio";

    /** Allocated dynamically in the kernel; this is the value in the golden transcripts. */
    private static final int MAJOR = 250;

    private final ClassRegistry classes;
    private final BoundedCalls calls;
    private final RegionSpace space;

    /** The monitor guards both fields; it is never held during a call to the core. */
    private final NavigableMap<Integer, Entry> entries = new TreeMap<>();

    private final BitSet minors = new BitSet();

    private record Entry(Group group, int minor, AtomicReference<@Nullable Registration> node) {}

    /**
     * @param calls runs calls that may hang during device removal
     * @param space bounds the memory of the regions of all devices
     */
    public Groups(ClassRegistry classes, BoundedCalls calls, RegionSpace space) {
        this.classes = classes;
        this.space = space;
        this.calls = calls;
    }

    /**
     * Creates the group of a device. The group can be opened before its uevent is sent.
     *
     * @throws ErrnoException the node could not be created; then the group does not exist
     */
    public Group create(int number, Mdev mdev) throws ErrnoException {
        // In the kernel, an empty group with an open file keeps its number. Here the core owns the number and may have
        // reassigned it: then the node of the empty group is removed now, and its open file refers to a dead group.
        forget(number);
        Entry entry;
        synchronized (this) {
            int minor = minors.nextClearBit(0);
            minors.set(minor);
            AtomicReference<@Nullable Registration> node = new AtomicReference<>();
            entry = new Entry(
                    new Group(number, new GroupDevice(mdev, calls, space), calls, () -> forget(number, node)),
                    minor,
                    node);
            entries.put(number, entry);
        }
        try {
            entry.node.set(classes.createDevice(node(number, entry.minor)));
        } catch (ErrnoException | RuntimeException e) {
            forget(number, entry.node);
            throw e;
        }
        return entry.group;
    }

    private static ClassDevice node(int number, int minor) {
        return characterDevice(CLASS, Integer.toString(number), MAJOR, minor, "vfio/" + number, List.of());
    }

    /**
     * A character device as {@code device_create()} shows it: with the attributes of a /dev node, but without the node
     * itself.
     */
    public static ClassDevice characterDevice(
            String className, String name, int major, int minor, String devname, List<String> devmode) {
        SequencedMap<String, String> env = new LinkedHashMap<>();
        env.put("MAJOR", Integer.toString(major));
        env.put("MINOR", Integer.toString(minor));
        env.put("DEVNAME", devname);
        devmode.forEach(mode -> env.put("DEVMODE", mode));
        Attribute dev = Attribute.readOnly("dev", () -> major + ":" + minor + "\n");
        return new ClassDevice(className, name, env, List.of(new AttributeGroup("", List.of(dev))));
    }

    /** {@code open("/dev/vfio/<number>")}. */
    public VfioGroup open(int number, String holder) throws ErrnoException {
        Entry entry;
        synchronized (this) {
            entry = entries.get(number);
        }
        if (entry == null) {
            throw new ErrnoException(Errno.ENOENT, "no group " + number);
        }
        return entry.group.openFile(holder);
    }

    /** The groups in the order of their numbers. */
    public synchronized List<Group> list() {
        return entries.values().stream().map(Entry::group).toList();
    }

    /** Removes all groups, including those with an open file. */
    public void close() {
        List<Integer> left;
        synchronized (this) {
            left = new ArrayList<>(entries.keySet());
        }
        left.forEach(this::forget);
    }

    private void forget(int number) {
        Entry entry;
        synchronized (this) {
            entry = entries.get(number);
        }
        if (entry != null) {
            forget(number, entry.node);
        }
    }

    /**
     * Removes the group of that node from the list, and the node from the tree. Idempotent; when it returns, the name
     * is free.
     */
    private void forget(int number, AtomicReference<@Nullable Registration> node) {
        Registration shown = node.get();
        if (shown != null) {
            shown.close(); // waits for a concurrent close
        }
        synchronized (this) {
            Entry entry = entries.get(number);
            if (entry != null && entry.node.equals(node)) {
                entries.remove(number);
                minors.clear(entry.minor);
            }
        }
    }
}
