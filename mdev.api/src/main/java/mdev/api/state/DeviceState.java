package mdev.api.state;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;

/**
 * The state of a device: named fields with the version of their schema. A value is a {@code Long}, {@code Boolean},
 * {@code String}, {@code byte[]}, {@code List} of values, or {@code Map} of names to values. Byte arrays are not
 * copied and must not be changed once they have been passed.
 *
 * @param version of the schema, from 1
 * @param fields by name, in the order in which they were added
 */
public record DeviceState(int version, Map<String, Object> fields) {
    /** The maximum depth of nested maps and lists. */
    public static final int MAX_DEPTH = 16;

    /** @throws IllegalArgumentException the version is below 1, or a value is of another class */
    public DeviceState {
        if (version < 1) {
            throw new IllegalArgumentException("the version of a state is 1 or higher, not " + version);
        }
        fields = map(fields, 0);
    }

    /** A state without fields. */
    public static DeviceState version(int version) {
        return new DeviceState(version, Map.of());
    }

    /**
     * Returns this state with another field.
     *
     * @param value as described above; an {@code int} is accepted as well, and the fields of another state as a map
     * @throws IllegalArgumentException the field exists, or the value is of another class
     */
    public DeviceState with(String name, Object value) {
        Map<String, Object> more = new LinkedHashMap<>(fields);
        if (more.put(name, value) != null) {
            throw new IllegalArgumentException("the state has two fields " + name);
        }
        return new DeviceState(version, more);
    }

    private static Map<String, Object> map(Map<?, ?> values, int depth) {
        Map<String, Object> checked = new LinkedHashMap<>();
        values.forEach((name, value) -> {
            if (!(name instanceof String text) || text.isEmpty()) {
                throw new IllegalArgumentException("a field of a state needs a name, not " + name);
            }
            checked.put(text, value(text, value, depth));
        });
        return Collections.unmodifiableMap(checked);
    }

    private static Object value(String name, @Nullable Object value, int depth) {
        if (depth == MAX_DEPTH) {
            throw new IllegalArgumentException("field " + name + " is nested more than " + MAX_DEPTH + " levels");
        }
        return switch (value) {
            case Long number -> number;
            case Integer number -> number.longValue();
            case Boolean flag -> flag;
            case String text -> text;
            case byte[] bytes -> bytes;
            case DeviceState nested -> map(nested.fields, depth + 1);
            case Map<?, ?> nested -> map(nested, depth + 1);
            case List<?> list ->
                list.stream().map(each -> value(name, each, depth + 1)).toList();
            case null, default ->
                throw new IllegalArgumentException("field " + name + " of a state cannot be " + value);
        };
    }

    /** Whether the state has the field. */
    public boolean has(String name) {
        return fields.containsKey(name);
    }

    /** The names of all fields; those of nested maps with their path, {@code bar0.count}. */
    public Set<String> names() {
        Set<String> names = new TreeSet<>();
        fields.forEach((name, value) -> {
            if (value instanceof Map<?, ?> nested) {
                new DeviceState(version, map(nested, 0)).names().forEach(inner -> names.add(name + "." + inner));
            } else {
                names.add(name);
            }
        });
        return names;
    }

    /** @throws ErrnoException EINVAL: no such field, or it is not a number; likewise for the other types */
    public long number(String name) throws ErrnoException {
        return get(name, Long.class, "a number");
    }

    /**
     * A number between two limits, inclusive.
     *
     * @throws ErrnoException EINVAL: no such field, not a number, or out of range
     */
    public int number(String name, int least, int most) throws ErrnoException {
        long value = number(name);
        if (value < least || value > most) {
            throw new ErrnoException(
                    Errno.EINVAL, "state: " + name + " is " + value + ", not " + least + " to " + most);
        }
        return (int) value;
    }

    public boolean flag(String name) throws ErrnoException {
        return get(name, Boolean.class, "true or false");
    }

    public String text(String name) throws ErrnoException {
        return get(name, String.class, "a text");
    }

    /** The caller must not change the bytes. */
    public byte[] bytes(String name) throws ErrnoException {
        return get(name, byte[].class, "bytes");
    }

    public List<?> list(String name) throws ErrnoException {
        return get(name, List.class, "a list");
    }

    /** A nested map, with the version of this state. */
    public DeviceState section(String name) throws ErrnoException {
        return new DeviceState(version, map(get(name, Map.class, "a section"), 0));
    }

    private <T> T get(String name, Class<T> type, String kind) throws ErrnoException {
        Object value = fields.get(name);
        if (value == null) {
            throw new ErrnoException(Errno.EINVAL, "state: no field " + name);
        }
        if (!type.isInstance(value)) {
            throw new ErrnoException(Errno.EINVAL, "state: " + name + " is not " + kind);
        }
        return type.cast(value);
    }
}
