package mdev.console.engine;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import mdev.api.shell.ShellCommand;

/** The currently declared commands by name. Thread-safe. */
public final class Catalogue {
    /** The scopes searched for a name without one, in this order. */
    static final List<String> SCOPES = List.of("mdev", "sysfs", "vfio", "console", "felix");

    private final Map<String, ShellCommand> byName = new ConcurrentSkipListMap<>();

    /** Pairs with {@link #remove}. */
    void add(ShellCommand command) {
        byName.put(Usage.name(command), command);
    }

    void remove(ShellCommand command) {
        byName.remove(Usage.name(command), command);
    }

    /** All commands, sorted by name. */
    Collection<ShellCommand> all() {
        return byName.values();
    }

    /** @param name with its scope, or without */
    Optional<ShellCommand> find(String name) {
        if (name.indexOf(':') >= 0) {
            return Optional.ofNullable(byName.get(name));
        }
        return SCOPES.stream()
                .map(scope -> byName.get(scope + ":" + name))
                .flatMap(command -> Optional.ofNullable(command).stream())
                .findFirst();
    }
}
