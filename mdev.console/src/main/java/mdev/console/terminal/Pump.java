package mdev.console.terminal;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import mdev.console.shell.DemandInput;

/**
 * Reads standard input, one chunk per demand, on its own thread, because the read of a file descriptor cannot be
 * interrupted.
 */
final class Pump implements Runnable {
    private static final int CHUNK = 8192;

    private final InputStream source;
    private final Semaphore demands = new Semaphore(0);
    private final DemandInput input = new DemandInput(demands::release);

    private Pump(InputStream source) {
        this.source = source;
    }

    /** The thread waits for the first demand, and ends with the source or the process. */
    static DemandInput of(InputStream source) {
        Pump pump = new Pump(source);
        Thread.ofPlatform().daemon().name("mdev-stdin").start(pump);
        return pump.input;
    }

    @Override
    public void run() {
        byte[] buffer = new byte[CHUNK];
        try {
            int count = 0;
            while (count >= 0) {
                demands.acquire();
                count = source.read(buffer);
                if (count > 0) {
                    input.offer(Arrays.copyOf(buffer, count));
                }
            }
        } catch (IOException | InterruptedException e) {
            // A read error is the end of the input.
        }
        input.end();
    }
}
