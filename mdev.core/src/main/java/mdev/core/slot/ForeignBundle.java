package mdev.core.slot;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bundle that something belongs to: {@code struct module *owner}. Its code is called through here, so that whatever it
 * throws becomes an errno and a line of the log with its name.
 */
public final class ForeignBundle {
    private static final Logger LOG = LoggerFactory.getLogger(ForeignBundle.class);

    private final String symbolicName;
    private final String version;
    private final long bundleId;
    private final FaultLog faults;

    /**
     * @param symbolicName the bundle's symbolic name
     * @param version the bundle's version
     * @param bundleId the bundle's id in the framework
     */
    public ForeignBundle(String symbolicName, String version, long bundleId) {
        this.symbolicName = symbolicName;
        this.version = version;
        this.bundleId = bundleId;
        this.faults = new FaultLog(LOG, symbolicName);
    }

    public String symbolicName() {
        return symbolicName;
    }

    public String version() {
        return version;
    }

    public long bundleId() {
        return bundleId;
    }

    /** A call that answers. */
    @FunctionalInterface
    public interface Call<T extends @Nullable Object> {
        T call() throws ErrnoException;
    }

    /** A call that does not answer. */
    @FunctionalInterface
    public interface Run {
        void run() throws ErrnoException;
    }

    /** @throws ErrnoException what the bundle threw; EIO: it threw something else */
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
     * As {@link #call}, for an answer that must not be null.
     *
     * @throws ErrnoException EIO: the bundle answered null
     */
    public <T> T answer(String what, Call<@Nullable T> call) throws ErrnoException {
        @Nullable T answer = this.<@Nullable T>call(what, call);
        if (answer == null) {
            throw fault(what, new NullPointerException("it returned null"));
        }
        return answer;
    }

    /** The bundle broke its contract: EIO, and a line of the log with its name. */
    public ErrnoException fault(String what, Throwable cause) {
        faults.report(what, cause);
        return new ErrnoException(Errno.EIO, symbolicName + ": " + what + " failed: " + cause);
    }

    @Override
    public String toString() {
        return symbolicName;
    }
}
