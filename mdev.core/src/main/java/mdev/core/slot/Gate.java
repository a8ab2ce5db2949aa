package mdev.core.slot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.core.sysfs.Contents;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Admits calls into a bundle's code until it is shut, delays them while it is frozen, and reports when no call is
 * inside.
 *
 * <p>One word holds the whole state. Its low bits count the calls inside; each flag above them sends an enter or a
 * leave to the slow path. An enter increments the count before it checks the flags; a rejected enter decrements it
 * again, so the count may reach zero more than once. The monitor guards only waiting, never the state.
 */
public class Gate {
    private static final Logger LOG = LoggerFactory.getLogger(Gate.class);

    /** One region access inside; counted without a name. */
    static final long ACCESS = 1L;

    static final long ACCESSES = (1L << 24) - 1;

    /** One named call inside. */
    static final long CALL = 1L << 24;

    static final long INSIDE = (1L << 48) - 1;

    /** A user has the vendor's object open ({@link VendorSlot}). */
    static final long OCCUPIED = 1L << 56;

    /** The user has detached and the vendor's release is due ({@link VendorSlot}). */
    static final long VACATING = 1L << 57;

    /** A thread, or {@link #whenQuiet}, waits for a change: the last call to leave signals it. */
    static final long WATCHED = 1L << 58;

    static final long FROZEN = 1L << 59;

    /** No further named call is admitted. */
    static final long SHUT = 1L << 60;

    private static final Deadline NEVER = Deadline.in(Duration.ofDays(36_500));

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Gate.class, "state", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final ForeignBundle owner;
    private final String kind;
    private final String name;

    /** Created with the first fault, because most gates never have one. Guarded by the monitor. */
    private @Nullable FaultLog faults;

    @SuppressWarnings("unused") // STATE
    private volatile long state;

    private final Set<Entry> entries = ConcurrentHashMap.newKeySet();

    /** The number of waiting threads; guarded by the monitor. */
    private int waiting;

    /** Guarded by the monitor; set at most once. */
    private @Nullable Runnable onQuiet;

    private volatile Deadline thawing = NEVER;

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

        /** Leaves; pairs with {@link #enter}. */
        @Override
        public void close() {
            entries.remove(this);
            leave(unit);
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
            long before = (long) STATE.getAndAdd(this, unit);
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
        STATE.getAndAdd(this, CALL);
        return record(call, CALL);
    }

    /**
     * Counts an object as inside without its own call; pairs with {@link #unhold}.
     *
     * @return false if the gate is shut; the object is not counted then
     */
    public final boolean tryHold() {
        if (((long) STATE.getAndAdd(this, ACCESS) & SHUT) == 0) {
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
        List<AttributeGroup> described = groups.get();
        for (AttributeGroup group : described) {
            contents.group(new AttributeGroup(
                    group.name(),
                    group.attributes().stream()
                            .map(attribute -> guard(attribute, () -> {
                                List<AttributeGroup> now = groups.get();
                                return now.equals(described) ? attribute : find(now, group.name(), attribute.name());
                            }))
                            .toList()));
        }
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
        log.report(call, thrown);
        return new ErrnoException(Errno.EIO, owner.symbolicName() + ": " + call + " failed: " + thrown);
    }

    final void enterAccess() throws ErrnoException {
        while (((long) STATE.getAndAdd(this, ACCESS) & FROZEN) != 0) {
            leave(ACCESS);
            awaitThaw();
        }
    }

    /** Undoes one enter, on any thread. */
    void leave(long unit) {
        wake(minus(unit));
    }

    /** Undoes one enter; returns the new state. */
    final long minus(long unit) {
        return (long) STATE.getAndAdd(this, -unit) - unit;
    }

    /** Called when the count has decreased or a flag was cleared: wakes the waiting threads. */
    final void wake(long now) {
        if ((now & WATCHED) == 0) {
            return;
        }
        Runnable then = null;
        synchronized (this) {
            notifyAll();
            if (onQuiet != null && isQuiet()) {
                then = onQuiet;
                onQuiet = null;
            }
        }
        if (then != null) {
            then.run();
        }
    }

    final long state() {
        return state;
    }

    final boolean replace(long from, long to) {
        return STATE.weakCompareAndSet(this, from, to);
    }

    /** Sets flags; returns the previous state. */
    final long set(long flags) {
        return (long) STATE.getAndBitwiseOr(this, flags);
    }

    /** Clears flags; returns the new state. */
    final long clear(long flags) {
        return (long) STATE.getAndBitwiseAnd(this, ~flags) & ~flags;
    }

    /** Rejects further named calls. Idempotent. */
    public final void shut() {
        wake(set(SHUT));
    }

    public final boolean isShut() {
        return (state & SHUT) != 0;
    }

    /**
     * Makes callers wait in {@link #enter}; pairs with {@link #thaw}.
     *
     * @param until the deadline at which they fail
     * @return false if the gate is frozen already; it is not frozen again then
     */
    public final boolean freeze(Deadline until) {
        if ((set(FROZEN) & FROZEN) != 0) {
            return false;
        }
        thawing = until;
        return true;
    }

    /** Admits the waiting callers. */
    public void thaw() {
        thawing = NEVER;
        long now = clear(FROZEN);
        synchronized (this) {
            notifyAll();
        }
        wake(now);
    }

    private void awaitThaw() throws ErrnoException {
        synchronized (this) {
            while ((state & FROZEN) != 0) {
                if (!thawing.waitOn(this)) {
                    throw isUpdated();
                }
            }
        }
    }

    /** Whether no call is inside, and no user has the vendor's object open. */
    public final boolean isQuiet() {
        return (state & (INSIDE | OCCUPIED)) == 0;
    }

    /** Waits, after {@link #freeze}, until no call is inside; returns false if the deadline passes first. */
    public final boolean awaitEmpty(Deadline deadline) {
        return awaitUninterruptibly(deadline, () -> (state & INSIDE) == 0);
    }

    /** Waits until the gate is quiet; returns false if the deadline passes first. */
    public final boolean awaitQuiet(Deadline deadline) {
        return awaitUninterruptibly(deadline, this::isQuiet);
    }

    final boolean awaitUninterruptibly(Deadline deadline, BooleanSupplier condition) {
        try {
            return awaitState(deadline, false, condition);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits for a state that satisfies the condition; returns false if the deadline passes first. */
    final boolean awaitState(Deadline deadline, boolean interruptible, BooleanSupplier condition)
            throws InterruptedException {
        if (condition.getAsBoolean()) {
            return true;
        }
        synchronized (this) {
            waiting++;
            set(WATCHED);
            try {
                while (!condition.getAsBoolean()) {
                    boolean left = interruptible ? deadline.waitInterruptibly(this) : deadline.waitOn(this);
                    if (!left) {
                        return condition.getAsBoolean();
                    }
                }
                return true;
            } finally {
                if (--waiting == 0 && onQuiet == null) {
                    clear(WATCHED);
                }
            }
        }
    }

    /**
     * Runs the action once, as soon as the gate is quiet: on this thread, or on the last thread to leave. Called once
     * per gate, after {@link #shut}.
     */
    public final void whenQuiet(Runnable action) {
        synchronized (this) {
            onQuiet = action;
            set(WATCHED);
        }
        wake(WATCHED);
    }

    final ErrnoException isUpdated() {
        return new ErrnoException(Errno.EAGAIN, this + " is being updated");
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

    /** The stacks of the calls inside, as the cause of a log line; null if there are none. */
    public final @Nullable Throwable stacks() {
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
