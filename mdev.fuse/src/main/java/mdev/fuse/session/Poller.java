package mdev.fuse.session;

import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.fuse.wire.Reply;
import mdev.fuse.wire.Request;
import mdev.linux.LinuxException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * poll(2) on attributes ({@code kernfs_generic_poll()}): always readable and writable, and POLLPRI | POLLERR if changed
 * since the last read.
 */
final class Poller {
    private static final Logger log = LoggerFactory.getLogger(Poller.class);

    private static final int FUSE_POLL_SCHEDULE_NOTIFY = 1;
    private static final int FUSE_NOTIFY_POLL = 1;

    /** {@code EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM}. */
    private static final int DEFAULT_POLLMASK = 0x1 | 0x4 | 0x40 | 0x100;

    /** {@code EPOLLPRI | EPOLLERR}. */
    private static final int CHANGED = 0x2 | 0x8;

    private final Channel channel;

    /** The open files by inode number, from {@link #opened} to {@link #released}. */
    private final Map<Long, Set<OpenFile>> open = new ConcurrentHashMap<>();

    Poller(Channel channel) {
        this.channel = channel;
    }

    void opened(OpenFile file) {
        open.compute(file.node().ino(), (_, files) -> {
            Set<OpenFile> all = files == null ? ConcurrentHashMap.newKeySet() : files;
            all.add(file);
            return all;
        });
    }

    void released(OpenFile file) {
        open.computeIfPresent(file.node().ino(), (_, files) -> {
            files.remove(file);
            return files.isEmpty() ? null : files;
        });
    }

    /**
     * <pre>
     * struct fuse_poll_in {       struct fuse_poll_out {
     *     uint64_t fh;                uint32_t revents;
     *     uint64_t kh;                uint32_t padding;
     *     uint32_t flags;         };
     *     uint32_t events;
     * };
     * </pre>
     */
    static void poll(OpenFile file, SysfsDirectory root, Request request, Reply out) {
        if ((request.u32(16) & FUSE_POLL_SCHEDULE_NOTIFY) != 0) {
            file.watch(request.u64(8));
        }
        // Checked after the watch has begun: a thread that removes the attribute after this check sees the watch.
        boolean exists = file.node().in(root) != null;
        if (!exists) {
            file.unwatch(); // no further changes can occur
        }
        out.u32(file.hasChanged() || !exists ? DEFAULT_POLLMASK | CHANGED : DEFAULT_POLLMASK)
                .u32(0);
    }

    /** {@code struct fuse_notify_poll_wakeup_out { uint64_t kh; }}: polling processes poll again. */
    void notified(SysfsFile attribute) {
        open.getOrDefault(attribute.ino(), Set.of()).forEach(this::wake);
    }

    /** Called after a removal: processes that poll a removed attribute poll again, too, and detect the removal. */
    void removed(SysfsDirectory root) {
        open.values().stream()
                .flatMap(Set::stream)
                .filter(file -> file.isWatched() && file.node().in(root) == null)
                .forEach(file -> {
                    wake(file);
                    file.unwatch(); // a concurrent poll detects the removal itself
                });
    }

    private void wake(OpenFile file) {
        long handle = file.change();
        if (handle != 0) {
            try (Arena arena = Arena.ofConfined()) {
                channel.send(new Reply(arena, Long.BYTES).u64(handle).notification(FUSE_NOTIFY_POLL));
            } catch (LinuxException e) {
                log.debug("no process polls any more: {}", e.getMessage());
            }
        }
    }
}
