package mdev.api.shell;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** The commands of a bundle, registered as a service. */
@ConsumerType
@FunctionalInterface
public interface ShellCommands {
    /** The commands; called once. */
    List<ShellCommand> commands();
}
