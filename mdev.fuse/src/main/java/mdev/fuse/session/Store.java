package mdev.fuse.session;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsFile;
import mdev.fuse.wire.Reply;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One write(2) to an attribute.
 *
 * <pre>
 * struct fuse_write_out {
 *     uint32_t size;
 *     uint32_t padding;
 * };
 * </pre>
 */
@SuppressWarnings("ArrayRecordComponent") // the data is not copied, and writes are not compared
record Store(Sysfs sysfs, SysfsFile file, byte[] data, CallingThread caller) implements Calls.Work {
    private static final Logger log = LoggerFactory.getLogger(Store.class);

    private static final int UUID_LENGTH = 36;
    private static final Pattern CREATE = Pattern.compile("(?<type>(?<parent>.+)/mdev_supported_types/[^/]+)/create");
    private static final byte[] ONE = {'1'};

    @Override
    public void run(Reply reply) throws ErrnoException {
        reply.u32(file.write(data, caller::describe)).u32(0);
    }

    /**
     * Removes the device of an interrupted create, because its creator does not know of it; other stores stay in
     * effect. The device is found by parent, UUID and type: if it was removed and created again with the same three
     * meanwhile, the new device is removed.
     */
    @Override
    public void unwanted() {
        Matcher create = CREATE.matcher(file.path());
        if (!create.matches() || data.length < UUID_LENGTH) {
            return;
        }
        String uuid = new String(data, 0, UUID_LENGTH, StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT);
        String device = create.group("parent") + "/" + uuid;
        try {
            if (sysfs.lookup(device + "/mdev_type", true).path().equals(create.group("type"))
                    && sysfs.lookup(device + "/remove", true) instanceof SysfsFile remove) {
                remove.write(ONE, () -> "mdev.fuse, because its creator was killed");
            }
        } catch (ErrnoException e) {
            log.warn("the create of {} was interrupted, but it stays: {}", uuid, e.getMessage());
        }
    }
}
