package mdev.console.bundle.broken;

import java.util.concurrent.CountDownLatch;

/** A component for test bundles that hangs while a latch exists and is closed. */
public final class Hanging {
    /** System properties, so that they are visible to the copy of this class in each bundle. */
    public static final String ACTIVATE = "mdev.test.activate";

    public static final String DEACTIVATE = "mdev.test.deactivate";

    public void activate() throws InterruptedException {
        await(ACTIVATE);
    }

    public void deactivate() throws InterruptedException {
        await(DEACTIVATE);
    }

    private static void await(String name) throws InterruptedException {
        if (System.getProperties().get(name) instanceof CountDownLatch latch) {
            latch.await();
        }
    }
}
