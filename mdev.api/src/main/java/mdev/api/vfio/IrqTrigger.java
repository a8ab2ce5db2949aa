package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/** The target of an interrupt: an eventfd, or a callback of a user in this process. */
@ConsumerType
@FunctionalInterface
public interface IrqTrigger extends AutoCloseable {
    /**
     * Delivers the interrupt. Called on the thread on which the vendor raises it, possibly from inside the user's own
     * region access: it must neither block nor access the device.
     */
    void signal();

    /**
     * Releases the trigger. Called once by the framework, when no {@link #signal()} is running and none will follow.
     */
    @Override
    default void close() {}
}
