package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/** Where an interrupt goes: an eventfd, or a callback of a user in this process. */
@ConsumerType
@FunctionalInterface
public interface IrqTrigger extends AutoCloseable {
    /**
     * The interrupt is raised. Called from whatever thread the vendor raises it on, also from inside the user's own region access: it must
     * not block, nor access the device.
     */
    void signal();

    /** The framework lets go of the trigger: no {@link #signal()} is running and none will come. Called once. */
    @Override
    default void close() {}
}
