package mdev.console.engine;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommands;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.Function;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;

/** The commands that the bundles declare: found here by name, and given to Gogo as functions. */
@Component(service = Commands.class, immediate = true)
public final class Commands {
    /** Where a name without scope is looked for, in this order. */
    static final List<String> SCOPES = List.of("mdev", "sysfs", "vfio", "console", "felix");

    private final BundleContext context;
    private final Map<String, ShellCommand> byName = new ConcurrentSkipListMap<>();
    private final Map<ShellCommand, ServiceRegistration<Function>> published = new ConcurrentHashMap<>();
    private final Map<ShellCommands, List<ShellCommand>> owned = new ConcurrentHashMap<>();

    @Activate
    public Commands(BundleContext context) {
        this.context = context;
        bind(new Builtins(this));
    }

    @Deactivate
    void close() {
        List.copyOf(owned.keySet()).forEach(this::unbind);
    }

    /** Pairs with {@link #unbind}. */
    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bind(ShellCommands bundle) {
        List<ShellCommand> commands = List.copyOf(bundle.commands());
        owned.put(bundle, commands);
        for (ShellCommand command : commands) {
            byName.put(Usage.name(command), command);
            published.put(command, publish(command));
        }
    }

    void unbind(ShellCommands bundle) {
        for (ShellCommand command : Optional.ofNullable(owned.remove(bundle)).orElse(List.of())) {
            byName.remove(Usage.name(command), command);
            Optional.ofNullable(published.remove(command)).ifPresent(ServiceRegistration::unregister);
        }
    }

    /** A rank above 0: where Felix has a command of the same name, ours is the one that fails properly. */
    private ServiceRegistration<Function> publish(ShellCommand command) {
        Map<String, Object> properties = Map.of(
                CommandProcessor.COMMAND_SCOPE, command.scope(),
                CommandProcessor.COMMAND_FUNCTION, command.name(),
                Constants.SERVICE_RANKING, 1);
        return context.registerService(
                Function.class, new CommandFunction(command), FrameworkUtil.asDictionary(properties));
    }

    /** All commands, in the order of their names. */
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

    /** The names that could have been meant by one that does not exist, best first. */
    List<String> similar(String name, Collection<String> others) {
        List<String> names = new ArrayList<>(byName.keySet());
        names.addAll(others);
        return Spelling.nearest(name, names);
    }
}
