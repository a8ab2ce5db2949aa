package mdev.core.sysfs;

import java.util.function.Supplier;
import mdev.api.errno.ErrnoException;

/** {@code store()} of a core file that logs the requester; see {@link mdev.api.sysfs.Attribute.Store}. */
@FunctionalInterface
public interface RequestedStore {
    /** @param requester supplies the name of the caller; called on this thread */
    void store(String value, Supplier<String> requester) throws ErrnoException;
}
