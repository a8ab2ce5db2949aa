package mdev.api.shell;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** The commands of a bundle: a service that it registers. */
@ConsumerType
@FunctionalInterface
public interface ShellCommands {
    /** The commands; asked once. */
    List<ShellCommand> commands();
}
