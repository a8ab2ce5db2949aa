package mdev.core;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.LiveUpdate;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.core.slot.Gate;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An update of a vendor's bundle while its devices are in use: the gates of its parents and devices are frozen from the
 * beginning to the end, so that the core and the users see the vendor's objects before or after it, never during it.
 */
final class ModuleUpdate implements LiveUpdate {
    private static final Logger log = LoggerFactory.getLogger(ModuleUpdate.class);

    private final MdevCore core;
    private final Module module;
    private final List<Parent> parents;
    private final Duration timeout;

    /** The deadline of the update, or of the return to the old version. */
    private Deadline deadline;

    /** The devices and their states, empty for a device without state; written by {@link #begin}. */
    private final Map<MdevDevice, Optional<DeviceState>> devices = new LinkedHashMap<>();

    /** Those that have been stopped, or could not be; written by the only step of {@link #begin} that stops them. */
    private final List<MdevDevice> stopped = new ArrayList<>();

    /** The monitor guards this and the fields below, and the parents' adoptions. */
    private final List<Gate> frozen = new ArrayList<>();

    /** Those of the frozen gates that {@link #thawLate} thaws. */
    private final List<Gate> hung = new ArrayList<>();

    /** The reason why a parent was rejected. */
    private @Nullable ErrnoException rejected;

    /** The step for whose calls {@link #call} waits. */
    private @Nullable UpdateStep running;

    /** No gate is frozen and no step begins any more. The core may end an update while another thread works on it. */
    private boolean ended;

    ModuleUpdate(MdevCore core, Module module, List<Parent> parents) {
        this.core = core;
        this.module = module;
        this.parents = parents;
        this.timeout = core.limits().update();
        this.deadline = Deadline.in(timeout);
    }

    /**
     * Freezes, stops, saves and releases.
     *
     * @throws ErrnoException as for {@link mdev.api.LiveUpdates#begin}; the old version continues then
     */
    void begin(Set<Long> states) throws ErrnoException {
        // The user's calls wait for the update and for a return to the old version, which has half of the time.
        Deadline thaw = Deadline.in(timeout.plus(timeout.dividedBy(2)));
        try {
            for (Parent parent : parents) {
                freeze(parent.gate(), thaw);
            }
            for (Parent parent : parents) {
                awaitEmpty(parent.gate());
            }
            saveSettings();
            // The gates are empty: a device that is being created still waits for its parent's.
            List<MdevDevice> all = core.devices().stream()
                    .filter(device -> parents.contains(device.supportedType().parent()) && !device.isCreating())
                    .toList();
            UpdateChecks.requireReady(module, all);
            for (MdevDevice device : all) {
                freeze(device.slot(), thaw);
            }
            for (MdevDevice device : all) {
                awaitEmpty(device.slot());
            }
            call("stop and save", all, false, deadline, (device, step) -> {
                try {
                    Optional<DeviceState> state = device.vendor().stopAndSave();
                    if (!step.settle(() -> {
                        stopped.add(device);
                        devices.put(device, state);
                    })) {
                        throw UpdateStep.hasEnded();
                    }
                } catch (ErrnoException e) {
                    if (!step.settle(() -> stopped.add(device))) {
                        device.vendor().resumeOrLog();
                        thawLate(device);
                    }
                    throw e;
                }
            });
            UpdateChecks.requireReadable(devices, states);
        } catch (ErrnoException e) {
            deadline = Deadline.in(timeout.dividedBy(2)); // a hung call has used up the time
            resumeStopped();
            thawResumed();
            throw e;
        }
        discard(List.copyOf(devices.keySet()));
        synchronized (this) {
            requireRunning();
            parents.forEach(Parent::suspend);
        }
        log.info("{}: parked {} devices for an update", module.owner().symbolicName(), devices.size());
    }

    private void awaitEmpty(Gate gate) throws ErrnoException {
        if (!gate.awaitEmpty(deadline.atMost(timeout.dividedBy(3)))) {
            throw new ErrnoException(Errno.EBUSY, gate + " has a call inside that does not return: " + gate.inside());
        }
    }

    /**
     * Runs a step for all devices on another thread, until the deadline; the first failure ends it.
     *
     * @param disowning whether a device with a hung call is detached from its vendor's object; otherwise its slot stays
     *     frozen, and the action calls {@link #thawLate} when the call has returned
     */
    private void call(String what, List<MdevDevice> all, boolean disowning, Deadline until, UpdateStep.Action action)
            throws ErrnoException {
        UpdateStep step = new UpdateStep(what, all, action);
        synchronized (this) {
            requireRunning();
            running = step;
        }
        try {
            step.await(start(what, step), until, disowning);
        } finally {
            synchronized (this) {
                if (!disowning) {
                    step.hung().ifPresent(hung::add);
                }
                running = null;
                notifyAll();
            }
        }
    }

    private BoundedCalls.Call start(String what, Runnable step) throws ErrnoException {
        BoundedCalls.Call call = core.calls().tryStart(what + " of " + module.name(), step);
        if (call == null) {
            throw new ErrnoException(Errno.EAGAIN, "no thread can be started to update " + module.name());
        }
        return call;
    }

    /** Saves the settings of the parents, on another thread. */
    private void saveSettings() throws ErrnoException {
        AtomicReference<@Nullable ErrnoException> failure = new AtomicReference<>();
        BoundedCalls.Call call = start("save of the settings", () -> {
            try {
                for (Parent parent : parents) {
                    parent.saveSettings();
                }
            } catch (ErrnoException e) {
                failure.set(e);
            }
        });
        if (!call.awaitUninterruptibly(deadline.atMost(timeout.dividedBy(3))) && !call.isDone()) {
            log.error("{}: saveSettings has not returned", module.owner().symbolicName(), call.stack());
            throw new ErrnoException(Errno.ETIMEDOUT, "saveSettings of " + module.name() + " has not returned in time");
        }
        ErrnoException failed = failure.get();
        if (failed != null) {
            throw failed;
        }
    }

    /** The old version continues. A call that hangs uses up half of the time that is left to the other devices. */
    private void resumeStopped() {
        List<MdevDevice> left = new ArrayList<>(stopped);
        while (!left.isEmpty() && deadline.remainingNanos() > 0 && !hasEnded()) {
            try {
                Duration half = remaining().dividedBy(2);
                call("resume", List.copyOf(left), false, deadline.atMost(half), (device, step) -> {
                    step.change(() -> left.remove(device));
                    device.vendor().resumeOrLog();
                    if (!step.settle(() -> {})) {
                        thawLate(device);
                    }
                });
            } catch (ErrnoException e) {
                if (!hasEnded()) {
                    log.error("{}: {}", module.name(), e.getMessage());
                }
                if (e.errno() != Errno.ETIMEDOUT) {
                    return;
                }
            }
        }
    }

    /** Called when the call that hung has returned and its device runs: no access has reached it in between. */
    private void thawLate(MdevDevice device) {
        synchronized (this) {
            if (ended) {
                return; // close() releases the device and thaws it
            }
            stopped.remove(device);
        }
        device.slot().thaw();
        log.info("{}: device {} continues", module.owner().symbolicName(), device.uuid());
    }

    /** If the update has ended meanwhile, some devices may still be stopped: {@link #close} removes them. */
    private void thawResumed() {
        List<Gate> gates;
        synchronized (this) {
            if (ended) {
                return;
            }
            gates = takeFrozen().stream().filter(gate -> !hung.contains(gate)).toList();
            stopped.clear();
        }
        gates.forEach(Gate::thaw);
    }

    /** Releases the vendor's objects of the devices. */
    private void discard(List<MdevDevice> all) {
        try {
            call(
                    "release",
                    all,
                    true,
                    deadline.atMost(timeout.dividedBy(8)),
                    (device, step) -> device.vendor().park(step));
        } catch (ErrnoException e) {
            if (!hasEnded()) { // else discardLast() follows
                disown(all, e);
            }
        }
    }

    /** Called after the end: no access may reach an object that is stopped. */
    private void discardLast() {
        List<MdevDevice> all = List.copyOf(stopped);
        UpdateStep step =
                new UpdateStep("release", all, (device, each) -> device.vendor().park(each));
        try {
            step.await(start("release", step), Deadline.in(timeout.dividedBy(8)), true);
        } catch (ErrnoException e) {
            disown(all, e);
        }
    }

    /** Also the devices that the step has not reached. */
    private void disown(List<MdevDevice> all, ErrnoException reason) {
        log.error("{}: {}", module.name(), reason.getMessage());
        all.forEach(device -> device.vendor().disown());
    }

    /** Whether the parent waits for the vendor to register it again. */
    synchronized boolean awaits(Parent parent) {
        return !ended && parents.contains(parent);
    }

    /** Called when the vendor has registered a parent again, or its registration was rejected. */
    synchronized void registered(Parent parent, @Nullable ErrnoException rejection) {
        if (rejection == null) {
            parent.adopted();
        } else {
            rejected = rejection;
        }
        notifyAll();
    }

    @Override
    public Duration remaining() {
        return Duration.ofNanos(Math.max(0, deadline.remainingNanos()));
    }

    @Override
    public List<String> complete() throws ErrnoException {
        List<MdevDevice> all = List.copyOf(devices.keySet());
        List<String> lost = new ArrayList<>();
        awaitParents();
        call("restore", all, true, deadline, (device, step) -> {
            List<String> fields = device.vendor().adopt(devices.getOrDefault(device, Optional.empty()), step);
            step.change(() -> lost.addAll(fields));
        });
        call("resume", all, true, deadline, (device, step) -> device.vendor().resume(step));
        if (!end()) {
            throw isUnloaded();
        }
        takeFrozen().forEach(Gate::thaw);
        log.info("{}: updated with {} devices", module.owner().symbolicName(), all.size());
        return List.copyOf(lost);
    }

    @Override
    public void goBack() {
        deadline = Deadline.in(timeout.dividedBy(2));
        discard(List.copyOf(devices.keySet()));
        synchronized (this) {
            parents.forEach(Parent::suspend);
            rejected = null;
        }
    }

    private synchronized void awaitParents() throws ErrnoException {
        while (true) {
            requireRunning();
            ErrnoException reason = rejected;
            if (reason != null) {
                throw reason;
            }
            Optional<Parent> missing =
                    parents.stream().filter(Parent::isSuspended).findFirst();
            if (missing.isEmpty()) {
                return;
            }
            if (!deadline.waitOn(this)) {
                throw new ErrnoException(
                        Errno.ETIMEDOUT, "parent " + missing.get().name() + " has not been registered again");
            }
        }
    }

    private synchronized boolean end() {
        boolean first = !ended;
        ended = true;
        notifyAll();
        return first;
    }

    private synchronized boolean hasEnded() {
        return ended;
    }

    private synchronized void requireRunning() throws ErrnoException {
        if (ended) {
            throw isUnloaded();
        }
    }

    private ErrnoException isUnloaded() {
        return new ErrnoException(Errno.ENODEV, module.name() + " is unloaded");
    }

    /** Called after the end: lets the thread that works on the update finish with the current device. */
    private synchronized void awaitStep() {
        Deadline last = Deadline.in(timeout); // that of the step is no longer
        if (running != null) {
            running.cancel();
        }
        while (running != null && last.waitOn(this)) {}
    }

    private synchronized void freeze(Gate gate, Deadline until) throws ErrnoException {
        requireRunning();
        if (!gate.freeze(until)) {
            throw new ErrnoException(Errno.EBUSY, gate + " is being saved or updated already");
        }
        frozen.add(gate);
    }

    /** The caller thaws them. */
    private synchronized List<Gate> takeFrozen() {
        List<Gate> gates = List.copyOf(frozen);
        frozen.clear();
        return gates;
    }

    /** Idempotent. */
    @Override
    public void close() {
        if (end()) {
            awaitStep();
            log.error(
                    "{}: the update has failed; its devices are removed",
                    module.owner().symbolicName());
            List<Gate> gates = takeFrozen();
            gates.forEach(Gate::shut); // before the thaw, so that no call reaches the vendor's released objects
            discardLast();
            gates.forEach(Gate::thaw);
            Deadline removal = core.limits().deadline();
            parents.forEach(parent -> parent.unregister(removal));
        }
        module.updated(this);
    }
}
