package mdev.fuse.uevent;

/** Threads that hold nothing of whoever happened to start them. */
final class Threads {
    private Threads() {}

    static void start(String name, Runnable task) {
        Thread thread = Thread.ofPlatform()
                .daemon()
                .name(name)
                .inheritInheritableThreadLocals(false)
                .unstarted(task);
        thread.setContextClassLoader(Threads.class.getClassLoader());
        thread.start();
    }
}
