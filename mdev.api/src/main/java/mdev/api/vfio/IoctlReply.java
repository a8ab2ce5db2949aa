package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/** What an {@link IoctlRequest} answers: the record that the request's documentation names. */
@ConsumerType
public interface IoctlReply {
    /** The answer of requests that return nothing but success. */
    IoctlReply DONE = new Done();

    /** See {@link IoctlReply#DONE}. */
    record Done() implements IoctlReply {}
}
