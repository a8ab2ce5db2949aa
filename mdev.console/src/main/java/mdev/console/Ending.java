package mdev.console;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Component;

/** The wish that the platform ends: said by anybody once, heard by the console. Its monitor guards the wish. */
@Component(service = Ending.class)
public final class Ending {
    private final List<Runnable> listeners = new ArrayList<>();
    private @Nullable Integer status;

    /** Asks for the end; the first one's status counts. */
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

    /** Runs the listener when the end is asked for: at once if it has been. */
    void onRequest(Runnable listener) {
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

    /** The status that was asked for, or the one given if nobody asked. */
    synchronized int statusOr(int otherwise) {
        return status == null ? otherwise : status;
    }

    /** Waits until the end is asked for. */
    synchronized void await() throws InterruptedException {
        while (status == null) {
            wait();
        }
    }
}
