package mdev.core.sysfs;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.api.sysfs.SysfsListener;
import mdev.api.sysfs.SysfsNode;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The whole tree; itself the directory {@code /sys}. */
public final class Tree extends Directory implements Sysfs {
    private static final Logger log = LoggerFactory.getLogger(Tree.class);

    /** The maximum number of links in a path: {@code MAXSYMLINKS}. */
    private static final int MOST_LINKS = 40;

    private static final int LONGEST_NAME = 255;

    /**
     * Guards one invariant: uevents are numbered and queued in the order of the changes that they report. So a change
     * of the tree, the state change that it shows and its event are made together under this lock, and a listener is
     * added before or after all three. No foreign code is called under the lock, and readers never take it, though a
     * change may wait for a thread that is sorting a large directory ({@link NameOrder}).
     */
    private final ReentrantLock changing = new ReentrantLock();

    private final AtomicLong inos = new AtomicLong(Contents.BLOCK);

    /**
     * The entries removed by the change in progress, if there are listeners; guarded by {@link #changing}. Each change
     * uses a new list, so that a large list costs nothing later.
     */
    private List<SysfsListener.Entry> gone = new ArrayList<>();

    /** Guarded by {@link #changing}. */
    private @Nullable Runnable afterwards;

    private final List<SysfsListener> listeners = new CopyOnWriteArrayList<>();
    private final FaultLog faults = new FaultLog(log, "a listener of the tree");

    public Tree() {
        super(null, "", Contents.BLOCK);
    }

    /** A change in progress: {@code try (var _ = tree.change()) {...}}. May be nested. */
    public interface Change extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Begins a change; its {@code close()} ends the change and returns after the listeners have been notified of the
     * removed entries.
     */
    public Change change() {
        changing.lock();
        return this::endChange;
    }

    private void endChange() {
        List<SysfsListener.Entry> entries = List.of();
        if (changing.getHoldCount() == 1 && !gone.isEmpty()) {
            entries = Collections.unmodifiableList(gone);
            gone = new ArrayList<>();
        }
        Runnable then = null;
        if (changing.getHoldCount() == 1) {
            then = afterwards;
            afterwards = null;
        }
        changing.unlock();
        if (then != null) {
            then.run();
        }
        if (!entries.isEmpty()) {
            List<SysfsListener.Entry> told = entries;
            tell(listener -> listener.removed(told), told);
        }
    }

    /**
     * Runs the action after the lock of this change has been released; one per change. For logging, which may block on
     * a full disk.
     */
    public void afterChange(Runnable action) {
        requireChange();
        afterwards = action;
    }

    /** Records an entry that this change removes. */
    void gone(Directory directory, String name) {
        if (isHeard()) {
            gone.add(new SysfsListener.Entry(directory, name));
        }
    }

    /**
     * Whether a view may have cached the entries that this change removes: a listener added during the change waits and
     * has cached nothing older.
     */
    boolean isHeard() {
        return !listeners.isEmpty();
    }

    void requireChange() {
        if (!changing.isHeldByCurrentThread()) {
            throw new IllegalStateException("the tree must be changed inside change()");
        }
    }

    long nextIno() {
        return inos.addAndGet(Contents.BLOCK);
    }

    @Override
    public void addListener(SysfsListener listener) {
        try (var _ = change()) {
            listeners.add(listener);
        }
    }

    @Override
    public void removeListener(SysfsListener listener) {
        listeners.remove(listener);
    }

    /** {@code sysfs_notify()}. Called outside {@link #change()}. */
    public void notifyListeners(SysfsFile file) {
        tell(listener -> listener.notified(file), file);
    }

    @Override
    public void changed(String path) {
        try {
            if (lookup(path, true) instanceof SysfsFile file) {
                notifyListeners(file);
            }
        } catch (ErrnoException e) {
            log.debug("no listener to notify: {}", e.getMessage());
        }
    }

    private void tell(Consumer<SysfsListener> message, Object what) {
        for (SysfsListener listener : listeners) {
            try {
                message.accept(listener);
            } catch (RuntimeException | Error e) { // ignored: the change is complete, and the others are notified
                faults.report(listener.getClass().getName() + " on " + what, e);
            }
        }
    }

    /** Creates a directory and adds it; for the skeleton of the tree. */
    public static Directory mkdir(Directory holder, String name) {
        Directory directory = new Directory(holder, name);
        try (var _ = holder.tree().change()) {
            holder.add(directory);
        }
        return directory;
    }

    @Override
    public Tree tree() {
        return this;
    }

    @Override
    public SysfsDirectory root() {
        return this;
    }

    /** A minimal {@code fs/namei.c}. */
    @Override
    public SysfsNode lookup(String path, boolean followLast) throws ErrnoException {
        Deque<String> rest = new ArrayDeque<>(components(path));
        Directory here = this;
        int links = 0;
        while (true) {
            String component = rest.pop();
            SysfsNode next = switch (component) {
                case "", "." -> here;
                case ".." -> here.holder();
                default -> here.child(component);
            };
            if (next == null) {
                throw new ErrnoException(
                        component.length() > LONGEST_NAME ? Errno.ENAMETOOLONG : Errno.ENOENT,
                        "no " + here.path() + "/" + component);
            }
            if (next instanceof SysfsLink link && (followLast || !rest.isEmpty())) {
                if (++links > MOST_LINKS) {
                    throw new ErrnoException(Errno.ELOOP, path + " contains too many links");
                }
                List<String> way = Arrays.asList(link.target().split("/", -1));
                way.reversed().forEach(rest::push);
            } else if (rest.isEmpty()) {
                return next;
            } else if (next instanceof Directory directory) {
                here = directory;
            } else {
                throw new ErrnoException(Errno.ENOTDIR, next.path() + " is not a directory");
            }
        }
    }

    private static List<String> components(String path) throws ErrnoException {
        if (path.isEmpty()) {
            throw new ErrnoException(Errno.ENOENT, "the path is empty");
        }
        if (!path.startsWith("/")) {
            return Arrays.asList(path.split("/", -1));
        }
        if (path.equals("/sys")) {
            return List.of(".");
        }
        if (!path.startsWith("/sys/")) {
            throw new ErrnoException(Errno.ENOENT, "no " + path + ": paths begin with /sys");
        }
        return Arrays.asList(path.substring("/sys/".length()).split("/", -1));
    }
}
