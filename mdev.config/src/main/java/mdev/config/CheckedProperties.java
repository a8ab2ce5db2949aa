package mdev.config;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The properties of a component, checked against its keys. Each error produces one log line and has no other effect: an
 * unknown key is ignored, an invalid value is replaced by the default. (With a component property type alone, the first
 * invalid value would fail the whole component.)
 */
public final class CheckedProperties {
    private static final Logger LOG = LoggerFactory.getLogger(CheckedProperties.class);

    private final String pid;
    private final Map<String, ?> properties;

    /** @param properties the properties that the component receives; OSGi's own have a dot in their names */
    public CheckedProperties(String pid, Map<String, ?> properties, ConfigKey... keys) {
        this.pid = pid;
        this.properties = properties;
        List<String> known = Arrays.stream(keys).map(ConfigKey::name).toList();
        properties.keySet().stream()
                .filter(name -> !name.contains(".") && !known.contains(name))
                .forEach(name -> LOG.warn("{}: unknown key '{}' (keys: {})", pid, name, String.join(", ", known)));
    }

    public String get(TextKey key) {
        Object value = properties.get(key.name());
        String text = value == null ? key.standard() : value.toString().strip();
        if (value == null || key.valid().matcher(text).matches()) {
            return text;
        }
        LOG.warn("{}: {}={} is not {}; using '{}'", pid, key.name(), value, key.described(), key.standard());
        return key.standard();
    }

    public int get(IntKey key) {
        Object value = properties.get(key.name());
        if (value == null) {
            return key.standard();
        }
        try {
            int number = Integer.parseInt(value.toString().strip());
            if (number >= key.min() && number <= key.max()) {
                return number;
            }
        } catch (NumberFormatException e) {
            // reported below
        }
        LOG.warn(
                "{}: {}={} is not an integer from {} to {}; using {}",
                pid,
                key.name(),
                value,
                key.min(),
                key.max(),
                key.standard());
        return key.standard();
    }
}
