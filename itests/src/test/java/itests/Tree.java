package itests;

import java.nio.charset.StandardCharsets;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.api.sysfs.SysfsNode;

/** Access to the management tree for tests. */
record Tree(Sysfs sysfs) {
    static final String DEVICES = "/sys/bus/mdev/devices";
    static final String DRIVER = "/sys/bus/mdev/drivers/vfio_mdev";

    String read(String path) throws ErrnoException {
        return new String(((SysfsFile) sysfs.lookup(path, true)).read(), StandardCharsets.UTF_8);
    }

    int write(String path, String value) throws ErrnoException {
        return ((SysfsFile) sysfs.lookup(path, true)).write(value.getBytes(StandardCharsets.UTF_8));
    }

    void create(String parent, String type, Object uuid) throws ErrnoException {
        write("/sys/class/mdev_bus/%s/mdev_supported_types/%s/create".formatted(parent, type), uuid.toString());
    }

    void remove(Object uuid) throws ErrnoException {
        write(DEVICES + "/" + uuid + "/remove", "1");
    }

    int group(Object uuid) throws ErrnoException {
        return Integer.parseInt(
                sysfs.lookup(DEVICES + "/" + uuid + "/iommu_group", true).name());
    }

    List<String> names(String directory) throws ErrnoException {
        return ((SysfsDirectory) sysfs.lookup(directory, true))
                .children().stream().map(SysfsNode::name).toList();
    }

    /** Every path below {@code /sys}, with link targets but without file contents. */
    List<String> shape() {
        return shape(sysfs.root());
    }

    private static List<String> shape(SysfsDirectory directory) {
        return directory.children().stream()
                .<String>mapMulti((node, out) -> {
                    out.accept(node.path() + (node instanceof SysfsLink link ? " -> " + link.target() : ""));
                    if (node instanceof SysfsDirectory child) {
                        shape(child).forEach(out);
                    }
                })
                .toList();
    }
}
