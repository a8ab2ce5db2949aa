package mdev.core.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import mdev.core.Limits;
import mdev.core.MdevCore;
import mdev.core.slot.ForeignBundle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class MonitorCommandTest {
    private static final Pattern SEQNUM = Pattern.compile("SEQNUM=(\\d+)|\\.\\.\\. (\\d+) events lost");
    private static final int MANY = 5000;

    private final AtomicInteger delivered = new AtomicInteger();

    /** A terminal that blocks at the first byte of output. */
    private static final class Stopped extends OutputStream {
        private final ByteArrayOutputStream taken = new ByteArrayOutputStream();
        final CountDownLatch reached = new CountDownLatch(1);
        final CountDownLatch go = new CountDownLatch(1);

        @Override
        public void write(int b) {
            reached.countDown();
            try {
                if (go.getCount() > 0) { // otherwise the interrupt is meant for the monitor
                    go.await();
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            taken.write(b);
        }

        String text() {
            return taken.toString(StandardCharsets.UTF_8);
        }
    }

    private static void emit(MdevCore core, int count) throws ErrnoException {
        SysfsFile trigger = (SysfsFile) core.sysfs().lookup("/sys/bus/mdev/uevent", true);
        for (int i = 0; i < count; i++) {
            trigger.write("change".getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static void emitUntil(MdevCore core, BooleanSupplier condition) throws ErrnoException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, "in vain");
            emit(core, 1);
            LockSupport.parkNanos(500_000);
        }
    }

    @Test
    void reportsTheEventsThatAStoppedTerminalMissed() throws Exception {
        Stopped terminal = new Stopped();
        try (MdevCore core = new MdevCore(new ForeignBundle("mdev.core", "0.1.0", 1), Limits.STANDARD, _ -> {})) {
            Thread monitor = Thread.ofPlatform().daemon().start(() -> {
                try {
                    new MonitorCommand(core)
                            .commands()
                            .getFirst()
                            .action()
                            .run(new TestInvocation(
                                    List.of(), Set.of(), new PrintStream(terminal, false, StandardCharsets.UTF_8)));
                } catch (InterruptedException e) {
                    // ends the monitor
                } catch (ErrnoException e) {
                    throw new AssertionError(e);
                }
            });
            emitUntil(core, () -> terminal.reached.getCount() == 0); // the monitor is registered
            core.listen(_ -> delivered.incrementAndGet()); // receives each event after the monitor
            emit(core, MANY);
            emitUntil(core, () -> delivered.get() >= MANY);
            terminal.go.countDown();
            emitUntil(core, () -> terminal.text().contains("events lost"));
            monitor.interrupt();
            monitor.join();
        }
        long next = -1;
        boolean lost = false;
        for (MatchResult each : SEQNUM.matcher(terminal.text()).results().toList()) {
            if (each.group(1) == null) {
                next += Long.parseLong(each.group(2));
                lost = true;
            } else {
                long number = Long.parseLong(each.group(1));
                assertEquals(next < 0 ? number : next, number);
                next = number + 1;
            }
        }
        assertTrue(lost);
    }
}
