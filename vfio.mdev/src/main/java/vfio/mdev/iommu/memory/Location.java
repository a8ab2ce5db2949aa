package vfio.mdev.iommu.memory;

import mdev.api.vfio.RemoteAccess;
import mdev.api.vfio.UserMemory;

/**
 * Where bytes are: what {@code vaddr} is in the kernel, but the same for all who have the bytes.
 *
 * @param space what the offset counts in
 * @param start of the first byte there
 */
public record Location(Space space, long start) {
    /** Something that has bytes; equal for the same bytes. */
    public sealed interface Space {}

    /** A file, however many descriptors lead to it. */
    record FileSpace(long device, long inode) implements Space {}

    /** This process. */
    record LocalSpace() implements Space {}

    /** Another process. */
    record RemoteSpace(RemoteAccess access) implements Space {}

    /** The offset that a user's request begins at; it decides alignment. */
    public static long start(UserMemory memory) {
        return switch (memory) {
            case UserMemory.File file -> file.offset();
            case UserMemory.Local local -> local.segment().address();
            case UserMemory.Remote remote -> remote.address();
        };
    }

    /** @param distance in bytes */
    public Location plus(long distance) {
        return new Location(space, start + distance);
    }
}
