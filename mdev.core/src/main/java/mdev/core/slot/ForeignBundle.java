package mdev.core.slot;

import java.util.concurrent.atomic.LongAdder;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bundle that owns an object: {@code struct module *owner}. Calls of its code go through this class, so that its
 * exceptions become errnos and log lines with its name.
 */
public final class ForeignBundle {
    private static final Logger LOG = LoggerFactory.getLogger(ForeignBundle.class);

    private final String symbolicName;
    private volatile Installed installed;
    private final FaultLog faults;
    private final LongAdder faultCount = new LongAdder();

    private record Installed(String version, long bundleId) {}

    /**
     * @param symbolicName the bundle's symbolic name
     * @param version the bundle's version
     * @param bundleId the bundle's id in the framework
     */
    public ForeignBundle(String symbolicName, String version, long bundleId) {
        this.symbolicName = symbolicName;
        this.installed = new Installed(version, bundleId);
        this.faults = new FaultLog(LOG, symbolicName);
    }

    public String symbolicName() {
        return symbolicName;
    }

    public String version() {
        return installed.version();
    }

    /** Called when another version replaces the bundle. */
    public void replacedBy(ForeignBundle next) {
        installed = next.installed;
    }

    public long bundleId() {
        return installed.bundleId();
    }

    void countFault() {
        faultCount.increment();
    }

    /** The number of breaches of contract by the bundle, reported here or by its gates. */
    public long faults() {
        return faultCount.sum();
    }

    /** A call with a result. */
    @FunctionalInterface
    public interface Call<T extends @Nullable Object> {
        T call() throws ErrnoException;
    }

    /** A call without a result. */
    @FunctionalInterface
    public interface Run {
        void run() throws ErrnoException;
    }

    /** @throws ErrnoException the errno that the bundle threw; EIO: it threw another exception */
    public <T extends @Nullable Object> T call(String what, Call<T> call) throws ErrnoException {
        try {
            return call.call();
        } catch (ErrnoException e) {
            throw e;
        } catch (Throwable e) {
            throw fault(what, e);
        }
    }

    /** As {@link #call}. */
    public void run(String what, Run run) throws ErrnoException {
        this.call(what, () -> {
            run.run();
            return what;
        });
    }

    /**
     * As {@link #call}, for a result that must not be null.
     *
     * @throws ErrnoException EIO: the bundle returned null
     */
    public <T> T answer(String what, Call<@Nullable T> call) throws ErrnoException {
        @Nullable T answer = this.<@Nullable T>call(what, call);
        if (answer == null) {
            throw fault(what, new NullPointerException("it returned null"));
        }
        return answer;
    }

    /** Reports a breach of contract by the bundle: EIO, and a log line with the bundle's name. */
    public ErrnoException fault(String what, Throwable cause) {
        countFault();
        faults.report(what, cause);
        return new ErrnoException(Errno.EIO, symbolicName + ": " + what + " failed: " + cause);
    }

    @Override
    public String toString() {
        return symbolicName;
    }
}
