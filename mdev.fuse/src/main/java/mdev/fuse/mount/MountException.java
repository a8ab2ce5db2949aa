package mdev.fuse.mount;

import org.jspecify.annotations.Nullable;

/** There will be no mount, or it stays. The message is for a person, and says what can be done. */
public final class MountException extends Exception {
    private static final long serialVersionUID = 1L;

    MountException(@Nullable String message) {
        super(message, null, false, false);
    }
}
