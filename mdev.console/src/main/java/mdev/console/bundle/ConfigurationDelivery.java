package mdev.console.bundle;

import java.util.Optional;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.service.cm.ConfigurationEvent;
import org.osgi.service.cm.ConfigurationListener;
import org.osgi.service.cm.SynchronousConfigurationListener;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notifies DS, with a deadline, of the configurations that one thread changes. Configuration Admin notifies all
 * components on one thread, where a hung component would delay the configurations of all others. Its later notification
 * has no effect, because DS compares the change counts. (Only the deletion of a component's single configuration is
 * applied twice.) A component's own changes are not reported early: its thread may hold a lock that DS needs.
 */
final class ConfigurationDelivery implements SynchronousConfigurationListener {
    private static final Logger LOG = LoggerFactory.getLogger(ConfigurationDelivery.class);

    private final BundleContext context;
    private final BundleLifeCycle bundles;
    private final KnownPids pids;
    private volatile @Nullable Thread changing;

    ConfigurationDelivery(BundleContext context, BundleLifeCycle bundles) {
        this.context = context;
        this.bundles = bundles;
        this.pids = new KnownPids(context);
    }

    /** @param thread the thread whose changes are reported */
    void tellFrom(Thread thread) {
        changing = thread;
    }

    @Override
    public void configurationEvent(ConfigurationEvent event) {
        if (!Thread.currentThread().equals(changing)) {
            return;
        }
        String pid = Optional.ofNullable(event.getFactoryPid()).orElse(event.getPid());
        Optional<Bundle> bundle = pids.components(pid).findFirst().flatMap(this::bundle);
        if (bundle.isEmpty()) {
            return;
        }
        try {
            bundles.configure(
                    bundle.get(),
                    event.getPid(),
                    () -> listeners().forEach(listener -> listener.configurationEvent(event)));
        } catch (ErrnoException e) {
            // Already reported. If the bundle was hung before, Configuration Admin's thread applies the configuration.
            LOG.debug("{} is not applied in time", event.getPid(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Optional<Bundle> bundle(ComponentDescriptionDTO component) {
        return Optional.ofNullable(component.bundle).map(bundle -> context.getBundle(bundle.id));
    }

    /** The listeners of DS, which registers them for Configuration Admin. */
    private Stream<ConfigurationListener> listeners() {
        ServiceReference<ServiceComponentRuntime> runtime = context.getServiceReference(ServiceComponentRuntime.class);
        if (runtime == null) {
            return Stream.empty();
        }
        try {
            return context.getServiceReferences(ConfigurationListener.class, null).stream()
                    .map(context::getService)
                    .filter(listener -> listener != null
                            && runtime.getBundle().equals(FrameworkUtil.getBundle(listener.getClass())));
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
