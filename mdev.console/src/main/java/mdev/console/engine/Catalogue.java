package mdev.console.engine;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import mdev.api.shell.ShellCommand;

/** The declared commands that there are, by name. Any thread may call. */
public final class Catalogue {
    /** Where a name without scope is looked for, in this order. */
    static final List<String> SCOPES = List.of("mdev", "sysfs", "vfio", "console", "felix");

    private final Map<String, ShellCommand> byName = new ConcurrentSkipListMap<>();

    /** Pairs with {@link #remove}. */
    void add(ShellCommand command) {
        byName.put(Usage.name(command), command);
    }

    void remove(ShellCommand command) {
        byName.remove(Usage.name(command), command);
    }

    /** In the order of their names. */
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
