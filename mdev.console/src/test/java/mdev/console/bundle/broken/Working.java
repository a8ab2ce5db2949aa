package mdev.console.bundle.broken;

/** A component of test bundles that does nothing, as two services. */
public final class Working implements Runnable, AutoCloseable {
    @Override
    public void run() {
        // is never called
    }

    @Override
    public void close() {
        // is never called
    }
}
