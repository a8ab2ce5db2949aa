package mdev.core.sysfs;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;

/**
 * The places of a vendor's attributes in a description. An update of the vendor keeps the place of every attribute
 * that exists in both versions, so that its file stays the same, regardless of added and removed attributes.
 */
public final class AttributePlaces {
    /** The places before the first update: in the order of the attributes. */
    public static final AttributePlaces NONE = new AttributePlaces(Map.of());

    /** Removed attributes keep their places up to this number. */
    private static final int MOST = 1 << 10;

    /** The names of the attributes by the name of their group; never changed. */
    private final Map<String, List<String>> names;

    private AttributePlaces(Map<String, List<String>> names) {
        this.names = names;
    }

    /** The places after an update. */
    public AttributePlaces updated(List<AttributeGroup> before, List<AttributeGroup> after) {
        return (names.isEmpty() ? with(before) : this).with(after);
    }

    /** These places, and further ones for new attributes of the groups. */
    private AttributePlaces with(List<AttributeGroup> groups) {
        Map<String, List<String>> more = new LinkedHashMap<>();
        names.forEach((group, attributes) -> more.put(group, new ArrayList<>(attributes)));
        for (AttributeGroup group : groups) {
            List<String> places = more.computeIfAbsent(group.name(), _ -> new ArrayList<>());
            for (Attribute attribute : group.attributes()) {
                if (!places.contains(attribute.name())) {
                    places.add(attribute.name());
                }
            }
        }
        boolean tooMany = more.values().stream().mapToInt(List::size).sum() > MOST;
        return tooMany && !names.isEmpty() ? NONE.with(groups) : new AttributePlaces(more);
    }

    /** Makes an attribute of the named group callable from outside its bundle. */
    @FunctionalInterface
    public interface Guard {
        Attribute guard(String group, Attribute attribute);
    }

    /** Describes the groups. */
    public void describe(Contents contents, List<AttributeGroup> groups, Guard guard) {
        if (names.isEmpty()) {
            groups.forEach(group -> {
                String name = group.name();
                Consumer<Contents> files = inside -> group.attributes()
                        .forEach(attribute -> inside.file(attribute, each -> guard.guard(name, each)));
                describe(contents, name, files);
            });
            return;
        }
        names.forEach((group, attributes) -> {
            Map<String, Attribute> there = new LinkedHashMap<>();
            boolean exists = group.isEmpty();
            for (AttributeGroup each : groups) {
                if (each.name().equals(group)) {
                    exists = true;
                    each.attributes().forEach(attribute -> there.put(attribute.name(), attribute));
                }
            }
            if (exists) {
                describe(contents, group, inside -> describe(inside, attributes, there, group, guard));
            } else {
                contents.skip(1);
            }
        });
    }

    /** The files of a group are in a subdirectory if the group has a name. */
    private static void describe(Contents contents, String group, Consumer<Contents> files) {
        if (group.isEmpty()) {
            files.accept(contents);
        } else {
            contents.directory(group, files);
        }
    }

    private static void describe(
            Contents contents, List<String> places, Map<String, Attribute> there, String group, Guard guard) {
        for (String name : places) {
            Attribute attribute = there.get(name);
            if (attribute == null) {
                contents.skip(1);
            } else {
                contents.file(attribute, each -> guard.guard(group, each));
            }
        }
    }
}
