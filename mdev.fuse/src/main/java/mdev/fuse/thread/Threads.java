package mdev.fuse.thread;

/** Starts threads that keep no references to the starting thread's context, such as its context class loader. */
public final class Threads {
    private Threads() {}

    /** Starts a daemon thread. */
    public static Thread start(String name, Runnable task) {
        return Thread.ofPlatform()
                .name(name)
                .daemon()
                .inheritInheritableThreadLocals(false)
                .start(task);
    }
}
