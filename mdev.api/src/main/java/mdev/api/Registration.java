package mdev.api;

import org.osgi.annotation.versioning.ProviderType;

/**
 * A registration of a bundle. Closing it unregisters; the core closes any registration that is still open when its
 * bundle stops.
 */
@ProviderType
public interface Registration extends AutoCloseable {
    /**
     * Unregisters. Idempotent: a second call waits for the first. Thread-safe; returns within the deadline that the
     * registering method documents.
     */
    @Override
    void close();
}
