package mdev.fuse.mount;

import org.jspecify.annotations.Nullable;

/** A failed mount or unmount. The message is for the user and names a remedy. */
public final class MountException extends Exception {
    private static final long serialVersionUID = 1L;

    MountException(@Nullable String message) {
        super(message, null, false, false);
    }
}
