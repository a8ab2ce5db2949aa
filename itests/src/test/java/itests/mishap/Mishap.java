package itests.mishap;

import java.util.concurrent.CountDownLatch;
import org.osgi.framework.BundleContext;

/** Never returns, or ends the process, at the point that is the last part of the bundle's name. */
record Mishap(BundleContext context) {
    void at(String point) {
        String name = context.getBundle().getSymbolicName();
        if (point.equals("activate") && name.endsWith(".exit")) {
            System.exit(0);
        }
        CountDownLatch never = new CountDownLatch(name.endsWith("." + point) ? 1 : 0);
        while (never.getCount() > 0) {
            try {
                never.await();
            } catch (InterruptedException e) {
                // Hangs despite the interrupt.
            }
        }
    }
}
