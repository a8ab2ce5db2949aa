package mdev.console.bundle;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import mdev.api.FailedModule;
import mdev.api.FailedModules;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.cm.SynchronousConfigurationListener;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Configures the components from the files in the drop folder and of {@code --set}: periodically compares the files
 * with the configurations. If a component has several files, the one in effect stays so until it is deleted. (Felix
 * File Install would apply the file written last, ignore the others, and create another instance of a component from a
 * copy of its file.)
 */
@Component(
        service = {ConfigurationFolder.class, FailedModules.class},
        immediate = true)
public final class ConfigurationFolder implements FailedModules {
    /** A framework property: the folder with the files of {@code --set}. */
    static final String SET = "mdev.set.files";

    private static final Logger LOG = LoggerFactory.getLogger(ConfigurationFolder.class);
    private static final String SUFFIX = ".cfg";
    private static final Duration POLL = Duration.ofMillis(250);
    private static final Duration LEAVING = Duration.ofSeconds(5);

    /** The delay of a warning: the driver may be about to be loaded. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final BundleContext context;
    private final KnownPids pids;
    private final ConfigurationDelivery delivery;
    private final DroppedConfigurations configurations;
    private final @Nullable Path folder;
    private final @Nullable Path set;
    private @Nullable ServiceRegistration<?> listening;

    /** Null without a folder. */
    private @Nullable Thread worker;

    /** The monitor guards both counts of scans. */
    private final Object scans = new Object();

    private long begun;
    private long ended;

    /**
     * The files in the last scan and in the first one; null before. Used only by the worker, as are the fields below.
     */
    private @Nullable Map<Path, Stamp> last;

    private @Nullable Map<Path, Stamp> first;

    /** The PIDs that are or were known, and whether they have instances. */
    private final Map<String, Boolean> known = new HashMap<>();

    /** When the warning about an unknown PID is due; removed once it is logged. */
    private final Map<String, Deadline> due = new HashMap<>();

    /** Why a file does not apply, by its name; replaced by the worker. */
    private volatile Map<String, String> reasons = new TreeMap<>();

    @Activate
    public ConfigurationFolder(
            BundleContext context, @Reference ConfigurationAdmin admin, @Reference BundleLifeCycle bundles) {
        this.context = context;
        this.pids = new KnownPids(context);
        this.delivery = new ConfigurationDelivery(context, bundles);
        this.configurations = new DroppedConfigurations(admin);
        this.folder = folder(DropFolder.PROPERTY);
        this.set = folder(SET);
    }

    private @Nullable Path folder(String property) {
        return Optional.ofNullable(context.getProperty(property)).map(Path::of).orElse(null);
    }

    @Activate
    void start() {
        if (folder != null || set != null) {
            // Unregistered, and ended, in stop().
            listening = context.registerService(SynchronousConfigurationListener.class, delivery, null);
            worker = Thread.ofPlatform().daemon().name("mdev-configuration").start(this::watch);
        }
    }

    @Deactivate
    void stop() {
        ServiceRegistration<?> registered = listening;
        Thread running = worker;
        if (registered != null) {
            registered.unregister();
        }
        if (running != null) {
            running.interrupt();
            if (!Deadline.in(LEAVING).join(running)) {
                LOG.warn("left behind the watch of the configurations", BoundedCalls.stackOf(running));
            }
        }
    }

    /** Applies the current files; returns false if the deadline passes first. */
    public boolean apply(Deadline deadline) throws InterruptedException {
        if (worker == null) {
            return true;
        }
        synchronized (scans) {
            long next = begun + 1;
            scans.notifyAll();
            while (ended < next) {
                if (!deadline.waitInterruptibly(scans)) {
                    return false;
                }
            }
        }
        return true;
    }

    private void watch() {
        delivery.tellFrom(Thread.currentThread());
        try {
            configurations.adopt();
            while (true) {
                synchronized (scans) {
                    begun++;
                }
                scan();
                synchronized (scans) {
                    ended = begun;
                    scans.notifyAll();
                    Deadline.in(POLL).waitInterruptibly(scans);
                }
            }
        } catch (InterruptedException e) {
            LOG.debug("the configurations are no longer watched", e);
        }
    }

    @Override
    public List<FailedModule> failed() {
        return reasons.entrySet().stream()
                .map(entry -> BundleLifeCycle.failed(entry.getKey(), "", entry.getValue()))
                .toList();
    }

    private void scan() {
        try {
            Map<Path, Stamp> files = new TreeMap<>();
            for (Path watched : new Path[] {folder, set}) {
                if (watched != null) {
                    files.putAll(Stamp.ofFiles(watched, SUFFIX));
                }
            }
            scan(files);
        } catch (IOException e) {
            LOG.debug("the drop folder cannot be read: what is configured stays", e); // the watch of its jars warns
        } catch (RuntimeException | Error e) {
            LOG.error("the configurations of the drop folder: {}", e.toString(), e);
        }
    }

    private void scan(Map<Path, Stamp> files) {
        Map<Path, Stamp> before = last == null ? files : last;
        Map<Path, Stamp> start = first == null ? files : first;
        last = files;
        first = start;
        if (!files.isEmpty()) {
            known.putAll(pids.read());
        }
        // A file that has changed may still be being written: a new one is ignored until the next scan.
        Map<ConfigurationName, List<Path>> wanted = new HashMap<>();
        files.keySet().stream()
                .filter(file -> isSame(file, files, before) || configurations.isUsed(file))
                .sorted(Comparator.comparingInt((Path file) -> stem(file).length())
                        .thenComparing(Comparator.naturalOrder()))
                .forEach(file -> ConfigurationName.of(stem(file), known)
                        .ifPresent(name -> wanted.computeIfAbsent(name, _ -> new ArrayList<>())
                                .add(file)));
        configurations.retain(wanted.keySet());
        Map<String, String> now = new TreeMap<>();
        wanted.forEach((name, candidates) -> {
            Path file = choose(name, candidates, path -> !isSame(path, files, start));
            Stamp stamp = files.get(file);
            if (stamp != null && stamp.equals(before.get(file))) {
                configurations.apply(name, file, stamp);
            }
            Optional.ofNullable(configurations.fault(name)).ifPresent(fault -> now.put(title(file), fault));
            candidates.stream()
                    .filter(other -> !other.equals(file) && !isSet(other))
                    .forEach(other -> now.put(
                            title(other),
                            isSet(file)
                                    ? "--set configures %s: this file applies when it changes".formatted(name)
                                    : "%s configures %s already: this file applies when that one is deleted"
                                            .formatted(title(file), name)));
        });
        now.entrySet().stream()
                .filter(entry -> !entry.getValue().equals(reasons.get(entry.getKey())))
                .forEach(entry -> LOG.warn("{}: {}", entry.getKey(), entry.getValue()));
        unknown(files).forEach(now::putIfAbsent);
        reasons = now;
    }

    private static boolean isSame(Path file, Map<Path, Stamp> now, Map<Path, Stamp> before) {
        return Objects.equals(now.get(file), before.get(file));
    }

    /** The file in effect stays so. {@code --set} has precedence over files that existed at the start. */
    private Path choose(ConfigurationName name, List<Path> candidates, Predicate<Path> isNew) {
        Optional<Path> used = configurations.file(name).filter(candidates::contains);
        if (used.isPresent() && !isSet(used.get())) {
            return used.get();
        }
        return candidates.stream()
                .filter(file -> !isSet(file) && isNew.test(file))
                .findFirst()
                .or(() -> candidates.stream().filter(this::isSet).findFirst())
                .orElse(candidates.getFirst());
    }

    private boolean isSet(Path file) {
        return set != null && set.equals(file.getParent());
    }

    private static String title(Path file) {
        return String.valueOf(file.getFileName());
    }

    private static String stem(Path file) {
        return title(file).substring(0, title(file).length() - SUFFIX.length());
    }

    /** The files whose PID belongs to no component; warns of each once, after the time for its driver to be loaded. */
    private Map<String, String> unknown(Map<Path, Stamp> files) {
        Map<String, String> names = new TreeMap<>();
        files.keySet().stream().filter(file -> !isSet(file)).forEach(file -> names.put(stem(file), title(file)));
        List<String> unknown = pids.unknown(names.keySet());
        Map<String, String> now = new TreeMap<>();
        for (String name : unknown) {
            String title = names.get(name);
            now.put(title, "no component has the PID '" + ConfigurationName.pid(name) + "': see docs/configuration.md");
            if (!reasons.containsKey(title)) {
                due.put(title, Deadline.in(PATIENCE));
            }
        }
        due.keySet().retainAll(now.keySet());
        due.entrySet().removeIf(entry -> {
            boolean warn = entry.getValue().hasPassed();
            if (warn) {
                LOG.warn("{}: {}", entry.getKey(), now.get(entry.getKey()));
            }
            return warn;
        });
        return now;
    }
}
