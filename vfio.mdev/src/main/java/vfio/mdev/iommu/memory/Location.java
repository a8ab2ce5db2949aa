package vfio.mdev.iommu.memory;

import mdev.api.vfio.RemoteAccess;
import mdev.api.vfio.UserMemory;

/**
 * Identifies bytes as {@code vaddr} does in the kernel, but equally for all users of the same bytes.
 *
 * @param space the address space of the offset
 * @param start the offset of the first byte
 */
public record Location(Space space, long start) {
    /** A space of bytes; equal for the same bytes. */
    public sealed interface Space {}

    /** A file, independent of the descriptor. */
    record FileSpace(long device, long inode) implements Space {}

    /** This process. */
    record LocalSpace() implements Space {}

    /** Another process. */
    record RemoteSpace(RemoteAccess access) implements Space {}

    /** The start offset of a user's request, used for alignment checks. */
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
