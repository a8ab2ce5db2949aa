package mdev.api;

import java.util.OptionalInt;
import java.util.UUID;
import org.osgi.annotation.versioning.ProviderType;

/**
 * A mediated device: {@code struct mdev_device}. Two objects are equal if they stand for the same incarnation.
 * Thread-safe.
 */
@ProviderType
public interface Mdev {
    /** {@code mdev_uuid()}. */
    UUID uuid();

    /** {@code mdev_parent_dev()}. */
    ParentDevice parent();

    /** The type with which the device was created. */
    MdevType type();

    /** The type's id, for example {@code mtty-2}. */
    String typeId();

    /** The type's {@code device_api} as read when the parent was registered, without the newline. */
    String deviceApi();

    /** The IOMMU group: present from a driver's probe until its remove has returned. */
    OptionalInt iommuGroup();

    /** The slot that holds the vendor's object, for the bus driver. */
    Slot slot();
}
