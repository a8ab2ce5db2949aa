package vfio.user.session;

/**
 * The limits of the resources that clients can make this process hold.
 *
 * @param connections of all devices together
 * @param files the files that one client can have mapped
 * @param fileBytes the size of those files
 * @param reserved the descriptors that clients leave to the rest of the process
 */
public record ClientLimits(int connections, int files, long fileBytes, int reserved) {
    /** The reason of a rejection. */
    public static final String OUT_OF_FDS =
            "more descriptors than clients may have open (vfio.user.reservedDescriptors)";
}
