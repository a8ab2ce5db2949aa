package mdev.api;

import java.time.Duration;
import java.util.List;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** An update in progress. Used by one thread. */
@ProviderType
public interface LiveUpdate extends AutoCloseable {
    /** The remaining time for the update, or for going back to the old version; not negative. */
    Duration remaining();

    /**
     * Called when the bundle has been started: waits until it has registered its parents again, restores the state of
     * each device into the new version's objects, and admits the delayed calls. May be called again, with the old
     * version of the bundle, if it fails.
     *
     * @return the names of fields that the old version has saved and the new one does not save, as {@code uuid.field}
     * @throws ErrnoException the reason: ETIMEDOUT: a parent has not been registered, or a call has not returned, in
     *     time; EINVAL: a parent or a type that has devices is missing, or the state cannot be read; else the vendor's
     *     errno. The devices wait for another call or for {@link #close}
     */
    List<String> complete() throws ErrnoException;

    /** Ends the update. If it is not complete, the module's devices are removed. */
    @Override
    void close();
}
