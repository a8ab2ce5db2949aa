package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/** The reply to an {@link IoctlRequest}: the record that the request's documentation names. */
@ConsumerType
public interface IoctlReply {
    /** The reply to requests that return only success. */
    IoctlReply DONE = new Done();

    /** See {@link IoctlReply#DONE}. */
    record Done() implements IoctlReply {}
}
