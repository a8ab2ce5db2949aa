package mdev.core.golden;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsNode;

/** Compares a tree with a golden snapshot: every entry below the snapshot's roots, and nothing else. */
public final class TreeComparison {
    private static final List<String> ROOTS = List.of(
            "/sys/class/mdev_bus",
            "/sys/class/mtty",
            "/sys/class/vfio",
            "/sys/devices/virtual/mtty",
            "/sys/bus/mdev",
            "/sys/kernel/iommu_groups",
            "/sys/devices/virtual/vfio",
            "/sys/devices/virtual/misc/vfio",
            "/sys/class/misc/vfio");

    private TreeComparison() {}

    /** The differences of the tree without a deviation. */
    public static List<String> differences(Sysfs sysfs, List<GoldenLine> snapshot, Deviations deviations) {
        TreeMap<String, String> expected = new TreeMap<>();
        for (GoldenLine line : snapshot) {
            deviations
                    .at(line)
                    .ifPresentOrElse(
                            deviation -> {
                                if (!deviation.instead().isEmpty()) {
                                    expected.put(line.text("path"), deviation.instead());
                                }
                            },
                            () -> expected.put(line.text("path"), Answers.expected(line)));
        }
        TreeMap<String, String> actual = new TreeMap<>();
        for (String root : ROOTS) {
            actual.put(root, Answers.actual(sysfs, root));
            try {
                walk(sysfs.lookup(root, false), actual);
            } catch (ErrnoException e) {
                // The snapshot records it as absent.
            }
        }
        List<String> differences = new ArrayList<>();
        expected.forEach((path, wanted) -> {
            String was = actual.getOrDefault(path, "nothing");
            if (!was.equals(wanted)) {
                differences.add(path + ": expected " + wanted + ", was " + was);
            }
        });
        actual.forEach((path, was) -> {
            if (!expected.containsKey(path)) {
                differences.add(path + ": expected nothing, was " + was);
            }
        });
        return differences;
    }

    private static void walk(SysfsNode node, Map<String, String> found) {
        found.put(node.path(), Answers.actual(node));
        if (node instanceof SysfsDirectory directory) {
            directory.children().forEach(child -> walk(child, found));
        }
    }
}
