package mdev.core.device;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Text;

/**
 * The {@code power} directory of a device without enabled runtime power management ({@code
 * drivers/base/power/sysfs.c}).
 */
final class Power {
    private volatile boolean forbidden;
    private volatile boolean async;

    void contents(Contents contents) {
        contents.file(Attribute.readWrite(
                "async",
                () -> async ? "enabled\n" : "disabled\n",
                value -> async = choice(value, "enabled", "disabled")));
        contents.file(Attribute.readWrite("autosuspend_delay_ms", Power::unused, _ -> unused()));
        contents.file(Attribute.readWrite(
                "control", () -> forbidden ? "on\n" : "auto\n", value -> forbidden = choice(value, "on", "auto")));
        contents.file(Attribute.readOnly("runtime_active_kids", () -> "0\n"));
        contents.file(Attribute.readOnly("runtime_active_time", () -> "0\n"));
        contents.file(Attribute.readOnly("runtime_enabled", () -> forbidden ? "disabled & forbidden\n" : "disabled\n"));
        contents.file(Attribute.readOnly("runtime_status", () -> "unsupported\n"));
        contents.file(Attribute.readOnly("runtime_suspended_time", () -> "0\n"));
        // pm_runtime_forbid() holds a use count.
        contents.file(Attribute.readOnly("runtime_usage", () -> forbidden ? "1\n" : "0\n"));
    }

    private static boolean choice(String value, String yes, String no) throws ErrnoException {
        if (Text.equal(value, yes)) {
            return true;
        }
        if (Text.equal(value, no)) {
            return false;
        }
        throw new ErrnoException(Errno.EINVAL, "neither " + yes + " nor " + no);
    }

    private static String unused() throws ErrnoException {
        throw new ErrnoException(Errno.EIO, "the device does not use autosuspend");
    }
}
