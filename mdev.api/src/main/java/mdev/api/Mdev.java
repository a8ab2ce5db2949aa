package mdev.api;

import java.util.OptionalInt;
import java.util.UUID;
import org.osgi.annotation.versioning.ProviderType;

/** A mediated device: {@code struct mdev_device}. Two are equal when they are the same incarnation. Any thread may call. */
@ProviderType
public interface Mdev {
    /** {@code mdev_uuid()}. */
    UUID uuid();

    /** {@code mdev_parent_dev()}. */
    ParentDevice parent();

    /** The type the device was created in. */
    MdevType type();

    /** The type's id, for example {@code mtty-2}. */
    String typeId();

    /** The type's {@code device_api} when the parent was registered, without the newline. */
    String deviceApi();

    /** The IOMMU group: there is one from the probe of a driver to the end of its remove. */
    OptionalInt iommuGroup();

    /** The door into the vendor's object, for the bus driver. */
    Slot slot();
}
