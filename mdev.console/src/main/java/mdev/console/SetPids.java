package mdev.console;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.runtime.ServiceComponentRuntime;

/** The PIDs given to the launcher with {@code --set}, which the launcher itself cannot check. */
final class SetPids {
    /** The framework property that lists them, separated by spaces. */
    private static final String PROPERTY = "mdev.set";

    private SetPids() {}

    /** The PIDs that match no component. A vendor loaded later may still have one of them. */
    static List<String> unknown(BundleContext context) {
        String set = context.getProperty(PROPERTY);
        if (set == null) {
            return List.of();
        }
        ServiceComponentRuntime components =
                context.getService(context.getServiceReference(ServiceComponentRuntime.class));
        Set<String> known = components.getComponentDescriptionDTOs().stream()
                .flatMap(component -> Stream.of(component.configurationPid))
                .collect(Collectors.toSet());
        // FileInstall takes the part after the first hyphen as the name of a factory configuration.
        return Stream.of(set.split(" "))
                .map(pid -> pid.split("-", 2)[0])
                .distinct()
                .filter(pid -> !known.contains(pid))
                .toList();
    }
}
