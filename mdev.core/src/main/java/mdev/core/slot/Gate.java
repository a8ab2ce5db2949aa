package mdev.core.slot;

import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.core.sysfs.AttributePlaces;
import mdev.core.sysfs.Contents;
import mdev.sync.BoundedCalls;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Admits calls into a bundle's code until it is shut, and names them; delays them while it is frozen, and reports when
 * no call is inside.
 */
public class Gate extends GateState {
    private static final Logger LOG = LoggerFactory.getLogger(Gate.class);

    private final ForeignBundle owner;
    private final String kind;
    private final String name;

    /** Created with the first fault, because most gates never have one. Guarded by the monitor. */
    private @Nullable FaultLog faults;

    private final Set<Entry> entries = ConcurrentHashMap.newKeySet();

    /**
     * @param owner the bundle whose code is called
     * @param kind the kind of object that the calls serve, for the log and error messages
     * @param name the name of that object
     */
    public Gate(ForeignBundle owner, String kind, String name) {
        this.owner = owner;
        this.kind = kind;
        this.name = name;
    }

    /** The name of the object that the calls serve. */
    protected final String name() {
        return name;
    }

    /** A named call inside. No two are equal. */
    public final class Entry implements AutoCloseable {
        private final String name;
        private final long unit;
        private final Thread thread = Thread.currentThread();

        private Entry(String name, long unit) {
            this.name = name;
            this.unit = unit;
        }

        /**
         * Leaves; pairs with {@link #enter}. Idempotent: the thread that abandons a hung call also leaves on its
         * behalf.
         */
        @Override
        public void close() {
            if (entries.remove(this)) {
                leave(unit);
            }
        }
    }

    /**
     * Enters the gate; pairs with {@link Entry#close}.
     *
     * @param call a verb and its object, for the log
     * @throws ErrnoException ENODEV: the gate is shut; EAGAIN: the gate stayed frozen until the deadline of the freeze
     */
    public final Entry enter(String call) throws ErrnoException {
        return enter(call, CALL, 0, SHUT);
    }

    /** Enters as {@code unit} if all flags of {@code needed} and none of {@code refusing} are set. */
    final Entry enter(String call, long unit, long needed, long refusing) throws ErrnoException {
        while (true) {
            long before = plus(unit);
            if ((before & (needed | refusing | FROZEN)) == needed
                    || ((before & (needed | refusing)) == needed && isInside(Thread.currentThread()))) {
                return record(call, unit);
            }
            leave(unit);
            if ((before & (needed | refusing)) != needed) {
                throw isRemoved();
            }
            awaitThaw();
        }
    }

    /** A nested call from inside enters even a frozen gate, because the freeze waits for its outer call. */
    private boolean isInside(Thread thread) {
        return entries.stream().anyMatch(entry -> entry.thread.equals(thread));
    }

    final Entry record(String call, long unit) {
        Entry entry = new Entry(call, unit);
        entries.add(entry); // removed in Entry.close()
        return entry;
    }

    /**
     * As {@link #enter}, for the calls that complete the operation for which the gate was shut, and for calls of
     * objects that {@link #tryHold} counts.
     */
    public final Entry enterAnyway(String call) {
        plus(CALL);
        return record(call, CALL);
    }

    /**
     * Counts an object as inside without its own call; pairs with {@link #unhold}.
     *
     * @return false if the gate is shut; the object is not counted then
     */
    public final boolean tryHold() {
        if ((plus(ACCESS) & SHUT) == 0) {
            return true;
        }
        unhold();
        return false;
    }

    /** Pairs with {@link #tryHold}, on any thread. */
    public final void unhold() {
        leave(ACCESS);
    }

    /**
     * Runs a call inside the gate.
     *
     * @throws ErrnoException as {@link #enter}; the errno that the bundle threw; EIO: it threw another exception
     */
    public final <T extends @Nullable Object> T call(String name, ForeignBundle.Call<T> call) throws ErrnoException {
        try (Entry _ = enter(name)) {
            return call.call();
        } catch (Throwable t) {
            throw failed(name, t);
        }
    }

    /** As {@link #call}. */
    public final void run(String name, ForeignBundle.Run run) throws ErrnoException {
        try (Entry _ = enter(name)) {
            run.run();
        } catch (Throwable t) {
            throw failed(name, t);
        }
    }

    /**
     * Adds the bundle's attribute groups; their calls run inside the gate.
     *
     * @param groups supplies the current groups: a call that waited for an update of the bundle goes to the new version
     */
    public final void describe(Contents contents, Supplier<List<AttributeGroup>> groups) {
        describe(contents, AttributePlaces.NONE, groups);
    }

    /** As {@link #describe(Contents, Supplier)}; the places are those kept across updates. */
    public final void describe(Contents contents, AttributePlaces places, Supplier<List<AttributeGroup>> groups) {
        List<AttributeGroup> described = groups.get();
        places.describe(
                contents,
                described,
                (group, attribute) -> guard(attribute, () -> {
                    List<AttributeGroup> now = groups.get();
                    return now.equals(described) ? attribute : find(now, group, attribute.name());
                }));
    }

    private interface Current {
        Attribute get() throws ErrnoException;
    }

    private Attribute guard(Attribute attribute, Current current) {
        String call = "attribute " + attribute.name();
        return new Attribute(
                attribute.name(),
                attribute.mode(),
                attribute.show() == null
                        ? null
                        : () -> call(call, () -> {
                            Attribute.Show show = current.get().show();
                            if (show == null) {
                                throw new ErrnoException(Errno.EIO, attribute.name() + " has no show function");
                            }
                            return show.show();
                        }),
                attribute.store() == null
                        ? null
                        : value -> run(call, () -> {
                            Attribute.Store store = current.get().store();
                            if (store == null) {
                                throw new ErrnoException(Errno.EIO, attribute.name() + " has no store function");
                            }
                            store.store(value);
                        }));
    }

    private Attribute find(List<AttributeGroup> groups, String group, String name) throws ErrnoException {
        return groups.stream()
                .filter(each -> each.name().equals(group))
                .flatMap(each -> each.attributes().stream())
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new ErrnoException(Errno.ENODEV, this + " has no attribute " + name + " any more"));
    }

    /**
     * Translates an exception of the bundle for the caller: an errno passes unchanged; anything else becomes EIO and is
     * logged.
     */
    public final ErrnoException failed(String call, Throwable thrown) {
        if (thrown instanceof ErrnoException answer) {
            return answer;
        }
        FaultLog log;
        synchronized (this) {
            if (faults == null) {
                faults = new FaultLog(LOG, vendor());
            }
            log = faults;
        }
        owner.countFault();
        log.report(call, thrown);
        return new ErrnoException(Errno.EIO, owner.symbolicName() + ": " + call + " failed: " + thrown);
    }

    final void enterAccess() throws ErrnoException {
        while ((plus(ACCESS) & FROZEN) != 0) {
            leave(ACCESS);
            awaitThaw();
        }
    }

    final ErrnoException isRemoved() {
        return new ErrnoException(Errno.ENODEV, this + " is being removed");
    }

    /** A call inside, for the log. */
    record Insider(String call, Thread thread) {
        @Override
        public String toString() {
            return call + " on thread " + thread.getName();
        }
    }

    /** The calls inside, in the order of their names. */
    Stream<Insider> insiders() {
        return entries.stream()
                .map(entry -> new Insider(entry.name, entry.thread))
                .sorted(Comparator.comparing(Insider::toString));
    }

    /** The calls inside, each with its thread: {@code [attribute power on thread fuse-3]}. */
    public final List<String> inside() {
        return insiders().map(Insider::toString).toList();
    }

    /**
     * Logs the calls inside.
     *
     * @param line the line up to them
     */
    public final void logInside(BiConsumer<String, @Nullable Throwable> log, String line) {
        log.accept(line + inside(), stacks());
    }

    /** The stacks of the calls inside, as the cause of a log line; null if there are none. */
    final @Nullable Throwable stacks() {
        Throwable first = null;
        for (Insider insider : insiders().toList()) {
            Throwable stack = BoundedCalls.stackOf(insider.thread);
            if (first == null) {
                first = stack;
            } else {
                first.addSuppressed(stack);
            }
        }
        return first;
    }

    /** The bundle and the object that the calls serve. */
    public final String vendor() {
        return owner.symbolicName() + " (" + this + ")";
    }

    @Override
    public String toString() {
        return kind + " " + name;
    }
}
