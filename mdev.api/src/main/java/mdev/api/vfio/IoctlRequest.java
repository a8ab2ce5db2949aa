package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * An ioctl on a VFIO file: one record per command, named after it.
 *
 * <p>The set is open: a handler ends its switch with a {@code default} of ENOTTY, so that an installed driver works
 * with a newer API. Records carry no argsz; the wire protocol handles sizes.
 */
@ConsumerType
public interface IoctlRequest {}
