package mdev.console.engine;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommands;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.Function;
import org.jspecify.annotations.Nullable;
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

/** Collects the commands declared by bundles and registers them with Gogo as functions. */
@Component(service = Commands.class, immediate = true)
public final class Commands {
    private record Published(ShellCommand command, ServiceRegistration<Function> function) {}

    private final BundleContext context;
    private final Catalogue catalogue = new Catalogue();
    private final Map<ShellCommands, List<Published>> published = new ConcurrentHashMap<>();

    @Activate
    public Commands(BundleContext context) {
        this.context = context;
    }

    @Activate
    void open() {
        SequencedMap<String, @Nullable Object> versions = new LinkedHashMap<>();
        versions.put("mdev", context.getBundle().getVersion().toString());
        versions.put("felix", context.getBundle(0).getVersion().toString());
        versions.put("java", Runtime.version().toString());
        bind(new Builtins(catalogue, versions)); // withdrawn in close()
    }

    @Deactivate
    void close() {
        List.copyOf(published.keySet()).forEach(this::unbind);
    }

    public Catalogue catalogue() {
        return catalogue;
    }

    /** Pairs with {@link #unbind}. */
    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bind(ShellCommands bundle) {
        published.put(bundle, bundle.commands().stream().map(this::publish).toList());
    }

    void unbind(ShellCommands bundle) {
        List<Published> commands = published.remove(bundle);
        if (commands != null) {
            commands.forEach(this::withdraw);
        }
    }

    /**
     * Registered with a rank above 0, to replace a Felix command of the same name with one that reports failures
     * properly.
     */
    private Published publish(ShellCommand command) {
        catalogue.add(command);
        Map<String, Object> properties = Map.of(
                CommandProcessor.COMMAND_SCOPE, command.scope(),
                CommandProcessor.COMMAND_FUNCTION, command.name(),
                Constants.SERVICE_RANKING, 1);
        return new Published(
                command,
                context.registerService(
                        Function.class, new CommandFunction(command), FrameworkUtil.asDictionary(properties)));
    }

    private void withdraw(Published command) {
        catalogue.remove(command.command());
        command.function().unregister();
    }
}
