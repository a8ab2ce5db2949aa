package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * An ioctl on a VFIO file: one record per command, named after it.
 *
 * <p>The set is open: who answers requests ends its switch with a {@code default} of ENOTTY, so that an installed
 * driver survives a newer API. Records carry no argsz; sizes are the wire's affair.
 */
@ConsumerType
public interface IoctlRequest {}
