package itests.mishap;

import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/** A bundle without components that has a {@link Mishap}. The framework holds the lock of the bundle meanwhile. */
public final class MishapActivator implements BundleActivator {
    @Override
    public void start(BundleContext context) {
        new Mishap(context).at("start");
    }

    @Override
    public void stop(BundleContext context) {
        new Mishap(context).at("stop");
    }
}
