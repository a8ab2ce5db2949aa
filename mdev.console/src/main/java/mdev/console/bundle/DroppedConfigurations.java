package mdev.console.bundle;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.Dictionary;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The configurations created from files. Used by one thread. */
final class DroppedConfigurations {
    private static final Logger LOG = LoggerFactory.getLogger(DroppedConfigurations.class);

    /** A property of the configuration. Components ignore properties with a dot. */
    static final String FILE = "mdev.file";

    /** The properties that are not in the file. */
    private static final Set<String> ADDED = Set.of(FILE, Constants.SERVICE_PID, ConfigurationAdmin.SERVICE_FACTORYPID);

    private final ConfigurationAdmin admin;
    private final Map<ConfigurationName, Used> used = new TreeMap<>(Comparator.comparing(ConfigurationName::toString));

    /**
     * A configuration created from a file.
     *
     * @param stamp the file's state when it was read
     * @param fault why it differs from the file
     */
    private record Used(
            @Nullable Configuration configuration,
            Path file,
            Stamp stamp,
            @Nullable String fault) {}

    DroppedConfigurations(ConfigurationAdmin admin) {
        this.admin = admin;
    }

    /** Adopts the configurations that exist after a restart of this bundle. */
    void adopt() {
        try {
            Configuration[] found = admin.listConfigurations("(" + FILE + "=*)");
            for (Configuration one : found == null ? new Configuration[0] : found) {
                String factory = one.getFactoryPid();
                ConfigurationName name = factory == null
                        ? new ConfigurationName(one.getPid(), "")
                        : new ConfigurationName(factory, one.getPid().substring(factory.length() + 1));
                Path file = Path.of(String.valueOf(one.getProperties().get(FILE)));
                used.put(name, new Used(one, file, Stamp.NO_FILE, null));
            }
        } catch (IOException | InvalidSyntaxException e) {
            LOG.warn("the configurations cannot be listed", e);
        }
    }

    /** Whether a configuration was created from the file. */
    boolean isUsed(Path file) {
        return used.values().stream().anyMatch(one -> one.file().equals(file));
    }

    Optional<Path> file(ConfigurationName name) {
        return Optional.ofNullable(used.get(name)).map(Used::file);
    }

    /** Why the configuration differs from its file. */
    @Nullable
    String fault(ConfigurationName name) {
        Used one = used.get(name);
        return one == null ? null : one.fault();
    }

    /** Deletes all other configurations. */
    void retain(Set<ConfigurationName> names) {
        List.copyOf(used.entrySet()).stream()
                .filter(entry -> !names.contains(entry.getKey()))
                .forEach(entry -> {
                    used.remove(entry.getKey());
                    delete(entry.getKey(), entry.getValue());
                });
    }

    private static void delete(ConfigurationName name, Used gone) {
        Configuration configuration = gone.configuration();
        try {
            if (configuration != null) {
                LOG.info("{} configures {} no longer", gone.file().getFileName(), name);
                configuration.delete();
            }
        } catch (IOException | IllegalStateException e) { // it was already deleted
            LOG.debug("{} is deleted already", name, e);
        }
    }

    /**
     * Does nothing if the file was already read or has the same values. If it cannot be read, the configuration stays.
     */
    void apply(ConfigurationName name, Path file, Stamp stamp) {
        Used before = used.get(name);
        if (before != null && before.file().equals(file) && before.stamp().equals(stamp)) {
            return;
        }
        Configuration configuration = before == null ? null : before.configuration();
        String fault = null;
        try {
            Map<String, Object> properties = read(file);
            configuration = name.name().isEmpty()
                    ? admin.getConfiguration(name.pid(), "?")
                    : admin.getFactoryConfiguration(name.pid(), name.name(), "?");
            if (!properties.equals(values(configuration.getProperties()))) {
                LOG.info("{} configures {}", file.getFileName(), name);
                properties.put(FILE, file.toString());
                configuration.update(FrameworkUtil.asDictionary(properties));
            }
        } catch (IOException | IllegalArgumentException e) { // an invalid escape
            fault = "cannot be applied: " + e.getMessage();
        }
        used.put(name, new Used(configuration, file, stamp, fault));
    }

    private static Map<String, Object> read(Path file) throws IOException {
        Properties read = new Properties();
        try (InputStream content = Files.newInputStream(file)) {
            read.load(content);
        }
        Map<String, Object> properties = new HashMap<>();
        read.forEach((key, value) -> properties.put(key.toString(), value));
        return properties;
    }

    /** Null if there is no configuration yet, unlike an empty file, which also creates an instance. */
    private static @Nullable Map<String, Object> values(@Nullable Dictionary<String, Object> properties) {
        if (properties == null) {
            return null;
        }
        Map<String, Object> values = new HashMap<>();
        Collections.list(properties.keys()).stream()
                .filter(key -> !ADDED.contains(key))
                .forEach(key -> values.put(key, properties.get(key)));
        return values;
    }
}
