package mdev.linux;

/**
 * The credentials of the connecting or listening process ({@code struct ucred}, SO_PEERCRED), recorded at connect or
 * listen time.
 *
 * @param pid the process
 * @param uid its effective user
 * @param gid its effective group
 */
public record PeerCredentials(int pid, int uid, int gid) {}
