package mdev.core.golden;

import java.util.regex.Pattern;

/** The deviations that apply to every replay: on the core, on the bundles as shipped, and through the mount. */
public final class NamedDeviations {
    /** The tree entries of VFIO core; in the kernel they belong to vfio.ko. */
    private static final Pattern VFIO =
            Pattern.compile("/(sys/)?(class/vfio|devices/virtual/misc/vfio(/.*)?|class/misc/vfio)");

    private static final String INSIDE = "/sys/devices/virtual/misc/vfio/";

    private NamedDeviations() {}

    /** Whether a path belongs to VFIO core, with {@code /sys} or without. */
    public static boolean isVfio(String path) {
        return VFIO.matcher(path).matches();
    }

    /** Deviations from {@code create-remove.jsonl}. */
    public static Deviations createAndRemove() {
        return new Deviations()
                .add(
                        "limit",
                        "available_instances is a limit; 5.10 creates device 13 of 12",
                        line -> line.text("op").equals("write")
                                && line.text("data").matches(".*fa01(1[2-9]|2[0-4])")
                                && line.text("path").endsWith("/create"),
                        "ENOSPC")
                .add(
                        "not negative",
                        "so available_instances never turns negative",
                        line -> line.text("op").equals("read")
                                && line.text("data").startsWith("-"),
                        "\"0\\n\"")
                .add(
                        "twelve",
                        "so there are 12 devices",
                        line -> line.text("note").startsWith("number of devices"),
                        "number of devices: 12");
    }

    /** Deviations from the trees, with the core alone. */
    public static Deviations trees() {
        return new Deviations()
                .add(
                        "no /dev",
                        "the tree stands for /sys; VFIO groups are opened through the API",
                        line -> line.text("path").startsWith("/dev/"),
                        "");
    }

    /** Deviations from the trees, while {@code vfio.mdev} starts and stops. */
    public static Deviations treesWithVfio() {
        return trees().add(
                        "vfio goes with vfio_mdev",
                        "VFIO core is in the bundle of vfio_mdev, so it is absent without that bundle",
                        line -> line.file().matches("tree-(01|10)-.*")
                                && isVfio(line.text("path"))
                                && !line.text("path").startsWith(INSIDE),
                        "absent ENOENT")
                .add(
                        "and what is in it",
                        "as above",
                        line -> line.file().matches("tree-(01|10|13)-.*")
                                && line.text("path").startsWith(INSIDE),
                        "");
    }
}
