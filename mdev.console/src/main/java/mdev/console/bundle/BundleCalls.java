package mdev.console.bundle;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls in which the framework runs a driver's code, such as the start of its bundle. A call that does not return in
 * time continues on its thread and is reported; until it returns, no other call is made for its bundle. Thread-safe.
 */
final class BundleCalls {
    private static final Logger LOG = LoggerFactory.getLogger(BundleCalls.class);

    // Never closed, which would interrupt the calls: one of them may be the update of this bundle.
    private final BoundedCalls calls = new BoundedCalls("mdev-bundle");
    private final Map<Long, Hang> hanging = new ConcurrentHashMap<>();
    private final Duration limit;

    BundleCalls(Duration limit) {
        this.limit = limit;
    }

    /**
     * A call that did not return in time.
     *
     * @param reason why the bundle cannot be used, on one line
     */
    record Hang(Bundle bundle, String reason, BoundedCalls.Call call) {}

    /** The default time to wait for a call. */
    Duration limit() {
        return limit;
    }

    /**
     * Runs a call and waits for it.
     *
     * @param what names the call, such as "start of vendor.mtty"
     * @throws ErrnoException ETIMEDOUT: it does not return in time, or an earlier call of the bundle is still running;
     *     otherwise as the call throws
     */
    <T> T run(Bundle bundle, String what, Duration time, Callable<T> step)
            throws ErrnoException, BundleException, InterruptedException {
        Hang before = hang(bundle);
        if (before != null) {
            throw new ErrnoException(Errno.ETIMEDOUT, before.reason());
        }
        FutureTask<T> result = new FutureTask<>(step);
        BoundedCalls.Call call = calls.start(what, result);
        if (!call.await(Deadline.in(time))) {
            String reason = "the " + what + " does not return: the log has the stack of its thread";
            hanging.put(bundle.getBundleId(), new Hang(bundle, reason, call));
            LOG.error("the {} has not returned after {}", what, shown(time), call.stack());
            throw new ErrnoException(Errno.ETIMEDOUT, reason);
        }
        try {
            return result.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case ErrnoException refused -> throw refused;
                case BundleException failed -> throw failed;
                case RuntimeException failed -> throw failed;
                case Error failed -> throw failed;
                case null, default -> throw new IllegalStateException(what, e);
            }
        }
    }

    private static String shown(Duration time) {
        long millis = time.toMillis();
        return millis % 1000 == 0 ? millis / 1000 + " s" : millis + " ms";
    }

    /** The call of the bundle that does not return, if there is one. */
    @Nullable
    Hang hang(Bundle bundle) {
        return hangs().stream()
                .filter(hang -> hang.bundle().equals(bundle))
                .findFirst()
                .orElse(null);
    }

    List<Hang> hangs() {
        hanging.values().removeIf(hang -> hang.call().isDone());
        return List.copyOf(hanging.values());
    }
}
