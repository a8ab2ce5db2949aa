package mdev.api;

import java.util.List;
import java.util.function.IntSupplier;
import mdev.api.sysfs.Attribute;

/**
 * A type of mediated device: one {@code struct attribute_group} of {@code supported_type_groups}. Its id is
 * {@code <className>-<group>}.
 *
 * @param group the group's name, not empty
 * @param attributes the type's files; {@link #DEVICE_API} and {@link #AVAILABLE_INSTANCES} are mandatory
 */
public record MdevType(String group, List<Attribute> attributes) {
    /** Mandatory: the device API of the type's devices, for example {@code vfio-pci}. */
    public static final String DEVICE_API = "device_api";

    /** Mandatory: the number of devices of the type that can currently be created, in decimal. */
    public static final String AVAILABLE_INSTANCES = "available_instances";

    /** The type's human-readable name. */
    public static final String NAME = "name";

    /** The type's properties, to help an administrator choose one. */
    public static final String DESCRIPTION = "description";

    public MdevType {
        attributes = List.copyOf(attributes);
    }

    /**
     * Creates a type with the usual attributes.
     *
     * @param available called on each read of {@code available_instances}, from any thread
     */
    public static MdevType of(String group, String name, String deviceApi, IntSupplier available) {
        return new MdevType(
                group,
                List.of(
                        Attribute.readOnly(NAME, () -> name + "\n"),
                        Attribute.readOnly(DEVICE_API, () -> deviceApi + "\n"),
                        Attribute.readOnly(AVAILABLE_INSTANCES, () -> available.getAsInt() + "\n")));
    }
}
