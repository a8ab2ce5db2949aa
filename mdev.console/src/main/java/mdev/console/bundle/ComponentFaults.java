package mdev.console.bundle;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.console.log.LastCause;
import org.osgi.framework.Bundle;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out why a started bundle does nothing. A bundle stays active when the activation of a component throws or its
 * references are unsatisfied; only the component runtime reports it.
 */
record ComponentFaults(ServiceComponentRuntime runtime) {
    private static final Logger LOG = LoggerFactory.getLogger(ComponentFaults.class);

    /** Empty if all enabled components of the bundle are active. */
    Optional<ErrnoException> of(Bundle bundle) {
        return failed(bundle).or(() -> waiting(bundle));
    }

    /** The failure of a component whose class cannot be loaded or whose activation threw. */
    Optional<ErrnoException> failed(Bundle bundle) {
        return runtime.getComponentDescriptionDTOs(bundle).stream()
                .flatMap(component -> failed(bundle, component).stream())
                .findFirst()
                .map(reason -> new ErrnoException(Errno.EINVAL, reason));
    }

    private Optional<String> failed(Bundle bundle, ComponentDescriptionDTO component) {
        Collection<ComponentConfigurationDTO> configurations = runtime.getComponentConfigurationDTOs(component);
        // DS does not report a class that it could not load. A component whose methods it could not list is active
        // without having been activated.
        return unloadable(bundle, component.implementationClass)
                .or(() -> configurations.stream().anyMatch(one -> one.state == ComponentConfigurationDTO.ACTIVE)
                        ? Optional.empty()
                        : configurations.stream()
                                .filter(one -> one.state == ComponentConfigurationDTO.FAILED_ACTIVATION)
                                .map(one -> LastCause.ofTrace(one.failure))
                                .findFirst());
    }

    private static Optional<String> unloadable(Bundle bundle, String name) {
        try {
            Class<?> type = bundle.loadClass(name);
            LOG.trace("{}, {}", type.getDeclaredConstructors(), type.getDeclaredMethods());
            return Optional.empty();
        } catch (ClassNotFoundException | LinkageError e) {
            return Optional.of(LastCause.of(e));
        }
    }

    private Optional<ErrnoException> waiting(Bundle bundle) {
        List<ComponentConfigurationDTO> waiting = configurations(bundle)
                .filter(component -> component.state == ComponentConfigurationDTO.UNSATISFIED_REFERENCE)
                .sorted(Comparator.comparing(component -> component.description.name))
                .toList();
        if (waiting.isEmpty()) {
            return Optional.empty();
        }
        List<String> needs = new ArrayList<>();
        for (ComponentConfigurationDTO component : waiting) {
            String services = String.join(", ", missing(component));
            needs.add(component.description.name + " waits for " + services);
        }
        boolean circular = waiting.stream()
                .flatMap(component -> missing(component).stream())
                .allMatch(service -> waiting.stream().anyMatch(other -> provides(other.description, service)));
        return Optional.of(
                new ErrnoException(Errno.ENODEV, (circular ? "circular references: " : "") + String.join("; ", needs)));
    }

    private static boolean provides(ComponentDescriptionDTO component, String service) {
        return List.of(component.serviceInterfaces).contains(service);
    }

    /** The interfaces of the services that the component is missing. */
    private static List<String> missing(ComponentConfigurationDTO component) {
        return Stream.of(component.unsatisfiedReferences)
                .flatMap(missing -> Stream.of(component.description.references)
                        .filter(reference -> reference.name.equals(missing.name)))
                .map(reference -> reference.interfaceName)
                .toList();
    }

    private Stream<ComponentConfigurationDTO> configurations(Bundle bundle) {
        return runtime.getComponentDescriptionDTOs(bundle).stream()
                .map(runtime::getComponentConfigurationDTOs)
                .flatMap(Collection::stream);
    }
}
