package mdev.console.bundle;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;

/** The PIDs of all components and managed services. */
public record KnownPids(BundleContext context) {
    private static final String MANAGED = "org.osgi.service.cm.ManagedService";
    private static final String FACTORY = "org.osgi.service.cm.ManagedServiceFactory";

    /**
     * Filters names of configuration files, without {@code .cfg}, for PIDs that are unknown. A vendor loaded later may
     * have them.
     */
    public List<String> unknown(Collection<String> names) {
        if (names.isEmpty()) {
            return List.of();
        }
        Map<String, Boolean> known = read();
        return names.stream()
                .filter(name -> !known.containsKey(name) && !known.containsKey(ConfigurationName.pid(name)))
                .toList();
    }

    /**
     * The PIDs and whether they have instances. A component that exists without a configuration has none: for a second
     * configuration, DS would create another component.
     */
    Map<String, Boolean> read() {
        Map<String, Boolean> known = new TreeMap<>();
        components()
                .forEach(component -> Stream.of(component.configurationPid)
                        .forEach(pid -> known.merge(
                                pid, component.configurationPolicy.equals("require"), Boolean::logicalAnd)));
        managed(MANAGED).forEach(pid -> known.put(pid, false));
        managed(FACTORY).forEach(pid -> known.put(pid, true));
        return known;
    }

    /** The components that have the PID. */
    Stream<ComponentDescriptionDTO> components(String pid) {
        return components()
                .filter(component -> List.of(component.configurationPid).contains(pid));
    }

    private Stream<ComponentDescriptionDTO> components() {
        ServiceReference<ServiceComponentRuntime> runtime = context.getServiceReference(ServiceComponentRuntime.class);
        return runtime == null ? Stream.empty() : context.getService(runtime).getComponentDescriptionDTOs().stream();
    }

    private Stream<String> managed(String type) {
        try {
            ServiceReference<?>[] found = context.getAllServiceReferences(type, null);
            return Stream.of(found == null ? new ServiceReference<?>[0] : found)
                    .flatMap(service -> switch (service.getProperty(Constants.SERVICE_PID)) {
                        case String pid -> Stream.of(pid);
                        case String[] pids -> Stream.of(pids);
                        case Collection<?> pids -> pids.stream().map(Object::toString);
                        case null, default -> Stream.empty();
                    });
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
