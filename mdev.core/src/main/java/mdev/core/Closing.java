package mdev.core;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import mdev.api.Registration;
import mdev.sync.Deadline;

/** A registration that is closed once; concurrent callers wait for the first. */
final class Closing implements Registration {
    private final Module module;
    private final Consumer<Deadline> undo;
    private final AtomicBoolean begun = new AtomicBoolean();
    private final CountDownLatch over = new CountDownLatch(1);

    Closing(Module module, Consumer<Deadline> undo) {
        this.module = module;
        this.undo = undo;
    }

    @Override
    public void close() {
        close(module.deadline());
    }

    void close(Deadline deadline) {
        if (!begun.compareAndSet(false, true)) {
            deadline.awaitUninterruptibly(over);
            return;
        }
        try {
            undo.accept(deadline);
        } finally {
            module.forget(this);
            over.countDown();
        }
    }
}
