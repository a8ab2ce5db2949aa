package mdev.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import mdev.api.LiveUpdate;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.slot.ForeignBundle;
import org.junit.jupiter.api.function.Executable;

/** A core with a bundle whose versions are {@link TestCounter}s. */
final class UpdateRig extends Rig {
    static final String PARENT = "/sys/devices/virtual/counter/counter0/";

    private static final long BUNDLE = 7;

    /** Runs when the bundle is stopped. */
    private Runnable stop = () -> {};

    UpdateRig() {
        this(LONG);
    }

    /** @param update the time limit of an update */
    UpdateRig(Duration update) {
        super(new Limits(LONG, LONG, update));
    }

    /** A call of a test that another thread makes. */
    interface Call<T> {
        T call() throws ErrnoException;
    }

    /** A test in which a limit must pass; returns false if another one has passed first. */
    interface Attempt {
        boolean run(UpdateRig rig) throws Exception;
    }

    /** Repeats an attempt with a longer limit until the machine is fast enough for it. */
    static void untilLongEnough(Attempt attempt) throws Exception {
        for (Duration limit = Duration.ofMillis(200); limit.compareTo(LONG) < 0; limit = limit.multipliedBy(2)) {
            try (UpdateRig rig = new UpdateRig(limit)) {
                if (attempt.run(rig)) {
                    return;
                }
            }
        }
        throw new AssertionError("no limit below " + LONG + " is long enough");
    }

    /** Starts a version of the bundle. */
    void start(TestCounter counter, String version) throws ErrnoException {
        Module module = core.module(new ForeignBundle("vendor.counter", version, BUNDLE));
        stop = module::close;
        Registration registration = module.registerDevice(TestCounter.DEVICE, counter);
        stop = () -> {
            registration.close();
            module.close();
        };
    }

    /** Stops the bundle: its component closes the registration, then the framework releases the registries. */
    void stop() {
        stop.run();
    }

    LiveUpdate update() throws ErrnoException {
        return update(Set.of());
    }

    LiveUpdate update(Set<Long> states) throws ErrnoException {
        return core.update(BUNDLE, states);
    }

    /** Updates the bundle. */
    void update(TestCounter next, String version) throws ErrnoException {
        try (LiveUpdate update = update()) {
            stop();
            start(next, version);
            update.complete();
        }
    }

    UUID createCounter(String type) throws ErrnoException {
        UUID uuid = UUID.randomUUID();
        write(PARENT + "mdev_supported_types/counter-" + type + "/create", uuid.toString());
        return uuid;
    }

    /** A device with this count. */
    UUID createCounter(String type, long count) throws ErrnoException {
        UUID uuid = createCounter(type);
        write(count(uuid), Long.toString(count));
        return uuid;
    }

    static String count(UUID uuid) {
        return DEVICES + uuid + "/vendor/count";
    }

    static ErrnoException fails(Errno errno, Executable call) {
        ErrnoException thrown = assertThrows(ErrnoException.class, call);
        assertEquals(errno, thrown.errno(), thrown.getMessage());
        return thrown;
    }

    static TestCounter.Step failing() {
        return uuid -> {
            throw new ErrnoException(Errno.EINVAL, "not this one");
        };
    }

    static <T> CompletableFuture<T> elsewhere(Call<T> call) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                result.complete(call.call());
            } catch (Throwable t) {
                result.completeExceptionally(t);
            }
        });
        return result;
    }
}
