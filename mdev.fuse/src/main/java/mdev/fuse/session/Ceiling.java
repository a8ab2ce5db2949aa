package mdev.fuse.session;

import mdev.fuse.wire.Attributes;
import mdev.fuse.wire.Request;

/**
 * The limits of the resources that users of a mount can make this process hold. Users other than root and the owner of
 * the mount get half of them, so that they cannot exclude those two.
 *
 * @param calls the number of unreturned vendor calls, with a thread each
 * @param files the number of open files and directories
 */
public record Ceiling(int calls, int files) {
    /** Whether a user may take one more. */
    static boolean admits(Request request, Attributes.Owner owner, int held, int most) {
        boolean trusted = request.uid() == 0 || request.uid() == owner.uid();
        return held < (trusted ? most : most / 2);
    }
}
