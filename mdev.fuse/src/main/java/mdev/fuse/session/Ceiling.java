package mdev.fuse.session;

import mdev.fuse.wire.Attributes;
import mdev.fuse.wire.Request;

/**
 * What the users of a mount can make this process hold. Users other than the owner of the mount and root get half, so
 * that they cannot lock those two out.
 *
 * @param calls the calls of vendors that have not returned, with a thread each
 * @param files the open files and directories
 */
public record Ceiling(int calls, int files) {
    /** Whether a user may have one more. */
    static boolean admits(Request request, Attributes.Owner owner, int held, int most) {
        boolean trusted = request.uid() == 0 || request.uid() == owner.uid();
        return held < (trusted ? most : most / 2);
    }
}
