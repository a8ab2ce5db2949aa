package vfio.user.session;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;

/**
 * The group and the mode of the sockets of devices.
 *
 * @param group the group of the sockets; empty for the group of the process
 * @param mode the permissions of the sockets
 */
public record SocketAccess(String group, int mode) {
    /** Access for the user of the process only. */
    public static final SocketAccess OWNER = new SocketAccess("", 0600);

    private static final int READ_WRITE = 6;
    private static final int SEARCH = 1;

    /** Applies to a socket, to which only its owner can connect until then. */
    public void applyTo(Path socket) throws IOException {
        apply(socket, mode);
    }

    /** Grants search permission on a directory to the users that may connect to the sockets in it. */
    public void applyToDirectory(Path directory) throws IOException {
        int group = (mode >> 3 & READ_WRITE) == 0 ? 0 : SEARCH;
        int others = (mode & READ_WRITE) == 0 ? 0 : SEARCH;
        apply(directory, 0700 | group << 3 | others);
    }

    private void apply(Path path, int bits) throws IOException {
        if (!group.isEmpty()) {
            GroupPrincipal principal =
                    path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group);
            Files.getFileAttributeView(path, PosixFileAttributeView.class).setGroup(principal);
        }
        // Set after the group, so that the previous group does not get the permissions.
        Files.setAttribute(path, "unix:mode", bits);
    }
}
