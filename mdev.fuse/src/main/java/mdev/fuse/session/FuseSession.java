package mdev.fuse.session;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsListener;
import mdev.fuse.wire.Attributes;
import mdev.fuse.wire.Request;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Serves one mount from its start until the kernel, or the platform, ends it. */
public final class FuseSession implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(FuseSession.class);

    private final Sysfs sysfs;
    private final SysfsDirectory root;
    private final Channel channel;
    private final Poller poller;
    private final Invalidator invalidator;
    private final DentryCache dentries = new DentryCache();
    private final SysfsListener listener = new Listener();
    private final Readers readers;

    /** Used by the reader that leads. */
    private final FuseRequests requests;

    private volatile int known;

    /** Set before this platform itself unmounts the tree. */
    private volatile boolean leaving;

    /**
     * Starts answering requests.
     *
     * @param fd {@code /dev/fuse} of a mount, nonblocking; ownership is taken
     * @param grace how long a removal waits for the kernel to drop one entry
     * @param ceiling supplies the current limits
     */
    public FuseSession(Sysfs sysfs, Fd fd, Attributes.Owner owner, Duration grace, Supplier<Ceiling> ceiling)
            throws LinuxException {
        this.sysfs = sysfs;
        this.root = sysfs.root();
        this.channel = new Channel(fd);
        this.poller = new Poller(channel);
        this.invalidator = invalidator(channel, grace);
        try {
            sysfs.addListener(listener); // removed in end()
            this.readers = new Readers(channel, new Receiver());
            this.requests =
                    new FuseRequests(sysfs, owner, ceiling, invalidator::isBehind, dentries, channel, readers, poller);
            readers.start();
        } catch (LinuxException | RuntimeException | Error e) {
            sysfs.removeListener(listener);
            invalidator.end();
            channel.close();
            throw e;
        }
    }

    /** Closes the channel if the process is at its limit of threads. */
    private static Invalidator invalidator(Channel channel, Duration grace) {
        try {
            return new Invalidator(channel, grace);
        } catch (RuntimeException | Error e) {
            channel.close();
            throw e;
        }
    }

    /** Reports notifications and removals to the kernel. */
    private final class Listener implements SysfsListener {
        @Override
        public void notified(SysfsFile file) {
            poller.notified(file);
        }

        @Override
        public void removed(List<Entry> entries) {
            List<DentryCache.Entry> taken = new ArrayList<>();
            entries.forEach(entry -> dentries.take(Node.id(entry.directory(), root), entry.name(), taken));
            invalidator.drop(taken);
            poller.removed(root);
        }
    }

    private final class Receiver implements Readers.Receiver {
        @Override
        public Readers.@Nullable Call receive() {
            try {
                Request request = channel.receive();
                if (request == null) {
                    if (channel.hasEnded() && !leaving) {
                        log.warn("another process has unmounted the tree: update mdev.fuse to mount it again");
                    }
                    return null;
                }
                Readers.Call call = requests.accept(request);
                known = requests.known();
                return call;
            } catch (LinuxException | RuntimeException | Error e) {
                log.error("the file system has ended", e);
                channel.end();
                return null;
            }
        }

        @Override
        public void ended() {
            end();
        }
    }

    /** The number of entries that the kernel knew after the last request. */
    public int known() {
        return known;
    }

    /** Whether the kernel may still find removed entries. */
    public boolean isBehind() {
        return invalidator.isBehind();
    }

    /** No more requests are received: unsubscribes from the tree and drops the state of the mount. */
    private void end() {
        sysfs.removeListener(listener);
        invalidator.end();
        channel.close(); // processes that still use it get ENOTCONN instead of waiting forever
        requests.forgetAll();
        known = requests.known();
    }

    /** Whether the kernel currently holds the connection: false after an unmount or an abort by any process. */
    public boolean isConnected() {
        return channel.isConnected();
    }

    /** Announces an unmount by this platform. Idempotent. */
    public void leave() {
        leaving = true;
    }

    /** Ends the connection: processes that still use the mount get ENOTCONN. Idempotent. */
    @Override
    public void close() {
        leave();
        sysfs.removeListener(listener);
        invalidator.close();
        channel.end();
        readers.close();
        channel.close();
    }
}
