package mdev.api;

import java.time.Duration;
import java.util.List;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** An update in progress. Used by one thread. */
@ProviderType
public interface LiveUpdate extends AutoCloseable {
    /** The remaining time for the update, or for the return to the old version; not negative. */
    Duration remaining();

    /**
     * Called when the new version has been started: waits until it has registered the parents again, restores the state
     * of each device into its objects, and admits the delayed calls.
     *
     * @return the names of fields that the old version has saved and the new one does not save, as {@code uuid.field}
     * @throws ErrnoException the reason: ETIMEDOUT: a parent has not been registered, or a call has not returned, in
     *     time; EINVAL: a parent or a type that has devices is missing, or the state cannot be read; else the vendor's
     *     errno. The devices wait for {@link #goBack} or {@link #close}
     */
    List<String> complete() throws ErrnoException;

    /**
     * Called after a failure, before the old version is started again: releases the objects that the new version has
     * created. {@link #complete} follows.
     */
    void goBack();

    /** Ends the update. If it is not complete, the module's devices are removed. */
    @Override
    void close();
}
