package mdev.api.sysfs;

import java.util.List;

/**
 * Attributes that appear together ({@code struct attribute_group}).
 *
 * @param name the subdirectory that holds them; empty for the device's own directory
 * @param attributes the files; their names are unique
 */
public record AttributeGroup(String name, List<Attribute> attributes) {
    public AttributeGroup {
        attributes = List.copyOf(attributes);
    }
}
