package itests.bench.inside;

import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsFile;

/** Creates and removes devices through the tree, as every program does. */
final class Tree {
    private static final String TYPES = "/sys/devices/virtual/bench/bench0/mdev_supported_types/";

    private final Sysfs sysfs;
    private final AtomicLong next = new AtomicLong();

    Tree(Sysfs sysfs) {
        this.sysfs = sysfs;
    }

    /** Creates a card with an interrupt; returns its UUID. */
    String create() throws ErrnoException {
        return create(TYPES + "bench-card");
    }

    /** Creates the least card; returns its UUID. */
    String createIdle() throws ErrnoException {
        return create(TYPES + "bench-idle");
    }

    String create(String type) throws ErrnoException {
        String uuid = new UUID(0xbe9c, next.getAndIncrement()).toString();
        write(type + "/create", uuid);
        return uuid;
    }

    void remove(String uuid) throws ErrnoException {
        write("/sys/bus/mdev/devices/" + uuid + "/remove", "1");
    }

    void write(String path, String value) throws ErrnoException {
        file(path).write(value.getBytes(StandardCharsets.US_ASCII));
    }

    SysfsFile file(String path) throws ErrnoException {
        if (sysfs.lookup(path, true) instanceof SysfsFile file) {
            return file;
        }
        throw new ErrnoException(Errno.EISDIR, path + " is not a file");
    }
}
