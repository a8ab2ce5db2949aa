package mdev.linux;

/**
 * Who connected, or listened ({@code struct ucred}, SO_PEERCRED): as the kernel saw it at that moment.
 *
 * @param pid the process
 * @param uid its effective user
 * @param gid its effective group
 */
public record PeerCredentials(int pid, int uid, int gid) {}
