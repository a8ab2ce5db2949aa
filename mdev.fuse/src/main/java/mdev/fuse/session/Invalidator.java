package mdev.fuse.session;

import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.fuse.wire.Reply;
import mdev.linux.LinuxException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets the kernel drop what it remembers of entries that are gone: else it does so only when memory is short, and we remember with it. Nothing else depends on it, since every
 * lookup asks. On a thread of its own: a notification waits for the lock of the directory, which a lookup that waits for us may hold.
 */
final class Invalidator implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Invalidator.class);

    private static final int FUSE_NOTIFY_INVAL_ENTRY = 3;

    /** What comes while so many wait is left to the kernel. */
    private static final int BACKLOG = 4096;

    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final Sysfs sysfs;
    private final Channel channel;

    /** A name in a directory, by its inode number. */
    private record Entry(long directory, String name) {}

    /** Empty: the end. */
    private final BlockingQueue<Optional<Entry>> gone = new ArrayBlockingQueue<>(BACKLOG);

    private final Thread thread;

    Invalidator(Sysfs sysfs, Channel channel) {
        this.sysfs = sysfs;
        this.channel = channel;
        this.thread = Thread.ofPlatform()
                .daemon()
                .name("mdev-fuse-notify")
                .inheritInheritableThreadLocals(false)
                .unstarted(this::notifyKernel);
        thread.setContextClassLoader(Invalidator.class.getClassLoader());
        thread.start();
    }

    /** An entry is gone. Never waits. */
    void offer(long directory, String name) {
        gone.offer(Optional.of(new Entry(directory, name)));
    }

    /** A device is gone from its directory, from its bus, and from the type of its parent that it had, where there are types. */
    void offerDevice(String parent, String subsystem, String name) {
        offer(parent, name);
        offer("/sys/bus/" + subsystem + "/devices", name);
        try {
            if (sysfs.lookup(parent + "/mdev_supported_types", true) instanceof SysfsDirectory types) {
                types.children().forEach(type -> offer(type.path() + "/devices", name));
            }
        } catch (ErrnoException e) {
            log.trace("{} has no types: {}", parent, e.getMessage());
        }
    }

    private void offer(String directory, String name) {
        try {
            offer(sysfs.lookup(directory, true).ino(), name);
        } catch (ErrnoException e) {
            log.trace("the directory has gone, too: {}", e.getMessage());
        }
    }

    private void notifyKernel() {
        try {
            for (Optional<Entry> entry = gone.take(); entry.isPresent(); entry = gone.take()) {
                invalidate(entry.get());
            }
        } catch (InterruptedException e) {
            log.debug("notifying was interrupted", e);
        }
    }

    /** {@code struct fuse_notify_inval_entry_out { uint64_t parent; uint32_t namelen; uint32_t flags; }} and the name with its 0. */
    private void invalidate(Entry entry) {
        byte[] name = entry.name().getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            Reply message = new Reply(arena, Long.BYTES + 2L * Integer.BYTES + name.length + 1);
            message.u64(entry.directory())
                    .u32(name.length)
                    .u32(0)
                    .bytes(name, 0, name.length)
                    .zeros(1);
            channel.send(message.notification(FUSE_NOTIFY_INVAL_ENTRY));
        } catch (LinuxException e) {
            log.trace("the kernel has never heard of {}: {}", entry, e.getMessage());
        }
    }

    /** Ends, while requests are still answered: what is being sent may wait for one. */
    @Override
    public void close() {
        while (!gone.offer(Optional.empty())) {
            gone.poll();
        }
        try {
            if (!thread.join(PATIENCE)) {
                log.warn("a notification of the kernel has not come back: some process holds a directory locked");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
