package mdev.fuse.thread;

/** Threads that hold nothing of whoever happened to start them. */
public final class Threads {
    private Threads() {}

    /** Starts a daemon thread. */
    public static Thread start(String name, Runnable task) {
        Thread thread = Thread.ofPlatform()
                .name(name)
                .daemon()
                .inheritInheritableThreadLocals(false)
                .unstarted(task);
        thread.setContextClassLoader(Threads.class.getClassLoader());
        thread.start();
        return thread;
    }
}
