package mdev.console.bundle.broken;

/** A component for test bundles whose activation fails until a resource is free. */
public final class Throwing implements Runnable {
    /** A system property, so that it is visible to the copy of this class in each bundle. */
    public static final String FREE = "mdev.test.free";

    /** A system property, as above: the number of activations. */
    public static final String TRIES = "mdev.test.tries";

    public Throwing() {
        System.setProperty(TRIES, Integer.toString(Integer.getInteger(TRIES, 0) + 1));
        if (System.getProperty(FREE) != null) {
            return;
        }
        throw new IllegalStateException("wrapped", new IllegalArgumentException("the port 0x3f8\nis taken"));
    }

    @Override
    public void run() {
        // never made
    }
}
