package vfio.mdev.irq;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * An edge-triggered interrupt, such as MSI, MSI-X, ERR, REQ, and those of a vfio-ccw device. A signal is dropped if
 * unarmed, and pends if masked.
 */
final class EdgeVector implements Vector {
    /** The armed trigger; the thread that removes it disarms it. */
    private final AtomicReference<@Nullable Armed> armed = new AtomicReference<>();

    private final boolean maskable;

    private volatile boolean masked;

    /** A signal that waits for {@link #unmask}. Set before {@link #masked} is read again, so that none is lost. */
    private final AtomicBoolean pending = new AtomicBoolean();

    EdgeVector(boolean maskable) {
        this.maskable = maskable;
    }

    void trigger() {
        if (masked) {
            pending.set(true);
            if (masked || !pending.getAndSet(false)) {
                return;
            }
        }
        loopback();
    }

    @Override
    public void loopback() {
        // A trigger that rejects the signal has just been disarmed; its successor, if any, gets the signal.
        Armed refused = null;
        for (Armed now = armed.get(); now != null && now != refused; now = armed.get()) {
            if (now.signal()) {
                return;
            }
            refused = now;
        }
    }

    @Override
    public boolean armed() {
        return armed.get() != null;
    }

    @Override
    public boolean masked() {
        return masked;
    }

    @Override
    public void arm(Armed trigger) {
        replace(trigger);
    }

    @Override
    public void disarm() {
        replace(null);
        masked = false;
        pending.set(false);
    }

    private void replace(@Nullable Armed trigger) {
        Armed old = armed.getAndSet(trigger);
        if (old != null) {
            old.release();
        }
    }

    @Override
    public boolean maskable() {
        return maskable;
    }

    @Override
    public void mask() {
        masked = true;
    }

    @Override
    public void unmask() {
        masked = false;
        if (pending.getAndSet(false)) {
            loopback();
        }
    }
}
