package mdev.console.bundle.broken;

/** A component of test bundles that cannot be activated before something is free. */
public final class Throwing implements Runnable {
    /** A system property, which a bundle's own copy of this class can see. */
    public static final String FREE = "mdev.test.free";

    public Throwing() {
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
