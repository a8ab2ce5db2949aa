package mdev.fuse.thread;

import java.util.concurrent.ThreadFactory;

/** Threads that hold nothing of whoever happened to start them. */
public final class Threads {
    private Threads() {}

    /** Starts a daemon thread. */
    public static Thread start(String name, Runnable task) {
        Thread thread = own(Thread.ofPlatform().name(name), task);
        thread.start();
        return thread;
    }

    /** Makes daemon threads with numbered names. */
    public static ThreadFactory numbered(String prefix) {
        Thread.Builder.OfPlatform builder = Thread.ofPlatform().name(prefix, 0);
        return task -> own(builder, task);
    }

    private static Thread own(Thread.Builder.OfPlatform builder, Runnable task) {
        Thread thread = builder.daemon().inheritInheritableThreadLocals(false).unstarted(task);
        thread.setContextClassLoader(Threads.class.getClassLoader());
        return thread;
    }
}
