package mdev.api;

import org.osgi.annotation.versioning.ProviderType;

/** Something that a bundle registered. Closing it takes it back; what the bundle forgets is closed when the bundle goes. */
@ProviderType
public interface Registration extends AutoCloseable {
    /** Takes the registration back. Idempotent: a second call waits for the first. Any thread; returns within its documented deadline. */
    @Override
    void close();
}
