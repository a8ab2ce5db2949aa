package mdev.console.bundle;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Component;

/**
 * A request to end the platform: any thread may make it, the console acts on it. Its monitor guards the status and the
 * listeners.
 */
@Component(service = Ending.class)
public final class Ending {
    private final List<Runnable> listeners = new ArrayList<>();
    private @Nullable Integer status;

    /** Requests the end. Only the first request sets the status. */
    public void request(int status) {
        List<Runnable> told;
        synchronized (this) {
            if (this.status != null) {
                return;
            }
            this.status = status;
            told = List.copyOf(listeners);
            notifyAll();
        }
        told.forEach(Runnable::run);
    }

    /** Runs the listener when the end is requested, or immediately if it has been requested already. */
    public void onRequest(Runnable listener) {
        boolean requested;
        synchronized (this) {
            listeners.add(listener);
            requested = status != null;
        }
        if (requested) {
            listener.run();
        }
    }

    public synchronized boolean requested() {
        return status != null;
    }

    /** The requested status, or {@code otherwise} if there was no request. */
    public synchronized int statusOr(int otherwise) {
        return status == null ? otherwise : status;
    }

    /** Waits until the end is requested. */
    public synchronized void await() throws InterruptedException {
        while (status == null) {
            wait();
        }
    }
}
