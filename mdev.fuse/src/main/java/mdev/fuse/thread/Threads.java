package mdev.fuse.thread;

/** Starts threads that keep no references to the starting thread's context. */
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
