package mdev.console.bundle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/** Checks files whose code is loaded without a user's request. */
final class LoadedFile {
    private static final int OTHERS_WRITE = 0022;

    private LoadedFile() {}

    /**
     * Rejects a file that another user could have written: its code would run with the rights of this process.
     *
     * @throws ErrnoException EPERM: another user than root and this process's owns the file or its directory, or may
     *     write to it
     */
    static void check(Path file) throws IOException, ErrnoException {
        Object self = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        for (Path path : List.of(file.resolveSibling("."), file)) {
            Object owner = Files.getAttribute(path, "unix:uid");
            if (!owner.equals(0) && !owner.equals(self)) {
                throw refused(path, "belongs to user " + owner, "chown");
            }
            if (((int) Files.getAttribute(path, "unix:mode") & OTHERS_WRITE) != 0) {
                throw refused(path, "can be written by others", "chmod go-w");
            }
        }
    }

    private static ErrnoException refused(Path path, String reason, String remedy) {
        return new ErrnoException(
                Errno.EPERM,
                "it is not loaded: %s %s; %s it, then touch the jar".formatted(path.normalize(), reason, remedy));
    }
}
