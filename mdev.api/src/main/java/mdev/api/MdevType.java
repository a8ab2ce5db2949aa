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
    /** Mandatory: how devices of the type are driven, for example {@code vfio-pci}. */
    public static final String DEVICE_API = "device_api";

    /** Mandatory: how many devices of the type can be created now, a decimal number. */
    public static final String AVAILABLE_INSTANCES = "available_instances";

    /** The type in words. */
    public static final String NAME = "name";

    /** More about the type, for people who choose. */
    public static final String DESCRIPTION = "description";

    public MdevType {
        attributes = List.copyOf(attributes);
    }

    /**
     * A type with the usual attributes.
     *
     * @param available asked whenever {@code available_instances} is read, from any thread
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
