package mdev.console.bundle.broken;

/** A component of test bundles that cannot be activated. */
public final class Throwing implements Runnable {
    public Throwing() {
        throw new IllegalStateException("wrapped", new IllegalArgumentException("the port 0x3f8\nis taken"));
    }

    @Override
    public void run() {
        // never made
    }
}
