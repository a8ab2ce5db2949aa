package mdev.console.bundle.broken;

/** A component for test bundles that provides two services and does nothing. */
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
