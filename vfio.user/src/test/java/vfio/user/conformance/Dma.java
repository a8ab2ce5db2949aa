package vfio.user.conformance;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContext;
import vfio.mdev.TestPlatform;

/** Accesses of the device to its user's memory. */
final class Dma {
    private Dma() {}

    static byte[] read(VfioContext device, long iova, int length) throws ErrnoException {
        byte[] data = new byte[length];
        device.dmaRead(iova, MemorySegment.ofArray(data), 0, length);
        return data;
    }

    static void write(VfioContext device, long iova, byte... data) throws ErrnoException {
        device.dmaWrite(iova, MemorySegment.ofArray(data), 0, data.length);
    }

    /** An operation of the device. */
    @FunctionalInterface
    interface Attempt {
        void run() throws ErrnoException;
    }

    /** The result: {@code ok}, or the name of an errno. */
    static String errno(Attempt attempt) {
        try {
            attempt.run();
            return "ok";
        } catch (ErrnoException e) {
            return e.errno().name();
        }
    }

    /** Keeps the device busy. */
    static void await(CountDownLatch latch) throws ErrnoException {
        try {
            if (!latch.await(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new ErrnoException(Errno.ETIMEDOUT);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR);
        }
    }

    /** On a thread of the device, as in most devices. */
    static <T> FutureTask<T> start(Callable<T> what) {
        FutureTask<T> task = new FutureTask<>(what);
        Thread.ofPlatform().daemon().name("card").start(task);
        return task;
    }

    /** The result of a task; rethrows its exception. */
    static <T> T get(FutureTask<T> task) throws Exception {
        try {
            return task.get(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception cause) {
                throw cause;
            }
            throw e;
        }
    }
}
