package mdev.console.bundle;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import mdev.api.FailedModule;
import mdev.sync.Deadline;
import org.osgi.framework.BundleContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The configurations in the drop folder whose PID nobody has. */
final class DroppedConfigurations {
    private static final Logger LOG = LoggerFactory.getLogger(DroppedConfigurations.class);
    private static final String SUFFIX = ".cfg";

    /** The driver may be about to be loaded. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final KnownPids pids;
    private List<String> names = List.of();
    private volatile List<String> unread = List.of();

    /** When a warning is due, for those without one. */
    private final Map<String, Deadline> due = new HashMap<>();

    DroppedConfigurations(BundleContext context) {
        this.pids = new KnownPids(context);
    }

    /**
     * To be called again and again, by one thread.
     *
     * @param changed whether a module has come or gone since
     */
    void look(Path folder, boolean changed) {
        List<String> now = BundleNames.list(folder, "*" + SUFFIX).stream()
                .map(file -> file.getFileName().toString())
                .map(name -> name.substring(0, name.length() - SUFFIX.length()))
                .toList();
        if (changed || !now.equals(names)) {
            names = now;
            List<String> unknown = pids.unknown(names);
            due.keySet().retainAll(unknown);
            unknown.stream()
                    .filter(name -> !unread.contains(name))
                    .forEach(name -> due.put(name, Deadline.in(PATIENCE)));
            unread = unknown;
        }
        due.entrySet().removeIf(entry -> {
            boolean warn = entry.getValue().hasPassed();
            if (warn) {
                LOG.warn("{}{}: {}", entry.getKey(), SUFFIX, reason(entry.getKey()));
            }
            return warn;
        });
    }

    List<FailedModule> failed() {
        return unread.stream()
                .map(name -> BundleLifeCycle.failed(name + SUFFIX, "", reason(name)))
                .toList();
    }

    private static String reason(String name) {
        return "no component has the PID '" + KnownPids.pid(name) + "': see docs/configuration.md";
    }
}
