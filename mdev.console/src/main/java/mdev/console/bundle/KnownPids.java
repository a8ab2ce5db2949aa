package mdev.console.bundle;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.runtime.ServiceComponentRuntime;

/** The PIDs that somebody has: components, and managed services. */
public record KnownPids(BundleContext context) {
    private static final String MANAGED = "(|(objectClass=org.osgi.service.cm.ManagedService)"
            + "(objectClass=org.osgi.service.cm.ManagedServiceFactory))";

    /**
     * Of the names of configuration files, without {@code .cfg}, those that nobody reads. A vendor loaded later may.
     */
    public List<String> unknown(Collection<String> names) {
        if (names.isEmpty()) {
            return List.of();
        }
        Set<String> known = new TreeSet<>();
        ServiceReference<ServiceComponentRuntime> runtime = context.getServiceReference(ServiceComponentRuntime.class);
        if (runtime != null) {
            context.getService(runtime).getComponentDescriptionDTOs().stream()
                    .flatMap(component -> Stream.of(component.configurationPid))
                    .forEach(known::add);
        }
        for (ServiceReference<?> service : managed()) {
            switch (service.getProperty(Constants.SERVICE_PID)) {
                case String pid -> known.add(pid);
                case String[] pids -> known.addAll(List.of(pids));
                case Collection<?> pids -> pids.forEach(pid -> known.add(pid.toString()));
                case null, default -> {}
            }
        }
        return names.stream().filter(name -> !known.contains(pid(name))).toList();
    }

    private ServiceReference<?>[] managed() {
        try {
            ServiceReference<?>[] found = context.getAllServiceReferences(null, MANAGED);
            return found == null ? new ServiceReference<?>[0] : found;
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** File Install takes the part after the first hyphen as the name of a factory configuration. */
    public static String pid(String name) {
        return name.split("-", 2)[0];
    }
}
