package vendor.ccwsim.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/** Intermediate status, suspension, and programs that only an interruption ends. */
final class InterruptionsTest {
    private static final int P = 0x1000;
    private static final int DATA = 0x4000;
    private static final int CONTROL = 0x07;
    private static final Duration LONG = Duration.ofSeconds(30);

    private static final int ACTIVE = Scsw.ACTL_SCHACT | Scsw.ACTL_DEVACT;

    private final GuestMemory memory = new GuestMemory(16);
    private final List<Irb> intermediate = new ArrayList<>();

    /** An intermediate status: of the CCW at cpa - 8. */
    record Status(boolean zero, int actl, int cstat, int cpa) {
        static Status of(Irb irb) {
            Scsw scsw = irb.scsw();
            assertEquals(
                    Scsw.STCTL_INTER_STATUS
                            | Scsw.STCTL_STATUS_PEND
                            | (scsw.actl() == Scsw.ACTL_SUSPENDED ? Scsw.STCTL_ALERT_STATUS : 0),
                    scsw.stctl());
            assertEquals(Scsw.FCTL_START_FUNC, scsw.fctl());
            assertEquals(0, scsw.dstat());
            return new Status(scsw.has(Scsw.ZCC), scsw.actl(), scsw.cstat(), scsw.cpa());
        }

        static Status pci(int cpa) {
            return new Status(false, ACTIVE, SubchannelStatus.PCI, cpa);
        }

        static Status zero(int cpa) {
            return new Status(true, ACTIVE, 0, cpa);
        }
    }

    record Row(String title, int orb, Consumer<ProgramBuilder> program, List<Reply> device, List<Status> expected) {
        @Override
        public String toString() {
            return title;
        }
    }

    static Stream<Row> statuses() {
        String pci = "15 Program-Controlled Interruption: ";
        String zero = "16 Zero Condition Code: ";
        var four = List.of(Reply.of(4));
        var immediateFirst = List.of(Reply.of(-1), Reply.of(4));
        return Stream.of(
                new Row(
                        pci + "one for each CCW that has the flag",
                        0,
                        p -> p.ccw(Ccw.WRITE, Ccw.CC | Ccw.PCI, 4, DATA)
                                .ccw(Ccw.WRITE, Ccw.CC, 4, DATA)
                                .ccw(Ccw.READ, Ccw.PCI, 4, DATA),
                        four,
                        List.of(Status.pci(P + 8), Status.pci(P + 24))),
                new Row(
                        pci + "data chaining, when the CCW takes over",
                        0,
                        p -> p.ccw(Ccw.READ, Ccw.CD, 4, DATA).ccw(0, Ccw.PCI, 4, DATA),
                        List.of(Reply.of(8)),
                        List.of(Status.pci(P + 16))),
                new Row(
                        pci + "data chaining, not if it does not",
                        0,
                        p -> p.ccw(Ccw.READ, Ccw.CD, 4, DATA).ccw(0, Ccw.PCI, 4, DATA),
                        four,
                        List.of()),
                new Row(pci + "not by a CCW that is invalid", 0, p -> p.ccw(0, Ccw.PCI, 4, DATA), four, List.of()),
                new Row(
                        zero + "the first command",
                        Orb.ISIC,
                        p -> p.ccw(Ccw.WRITE, Ccw.CC, 4, DATA).ccw(Ccw.READ, 0, 4, DATA),
                        four,
                        List.of(Status.zero(P + 8))),
                new Row(
                        zero + "with a program-controlled interruption",
                        Orb.ISIC,
                        p -> p.ccw(Ccw.WRITE, Ccw.PCI, 4, DATA),
                        four,
                        List.of(new Status(true, ACTIVE, SubchannelStatus.PCI, P + 8))),
                new Row(
                        zero + "not by an immediate operation",
                        Orb.ISIC,
                        p -> p.ccw(CONTROL, Ccw.CC | Ccw.SLI, 4, DATA).ccw(Ccw.READ, 0, 4, DATA),
                        immediateFirst,
                        List.of(Status.zero(P + 16))),
                new Row(
                        zero + "by a control command with data",
                        Orb.ISIC,
                        p -> p.ccw(CONTROL, 0, 4, DATA),
                        four,
                        List.of(Status.zero(P + 8))));
    }

    @ParameterizedTest
    @MethodSource
    void statuses(Row row) throws ErrnoException, InterruptedException {
        var builder = new ProgramBuilder(memory, true, P);
        row.program.accept(builder);
        try (var program = ChannelProgram.fetch(builder.orb(row.orb), memory)) {
            program.execute(new ScriptedDevice(row.device), intermediate::add);
        }
        assertEquals(row.expected, intermediate.stream().map(Status::of).toList());
    }

    /** A loop that moves data never ends by itself; the same program can go on afterwards. */
    @Test
    void endlessLoopIsInterrupted() throws ErrnoException {
        var builder = new ProgramBuilder(memory, true, P)
                .ccw(Ccw.WRITE, Ccw.CC | Ccw.PCI, 4, DATA)
                .tic(P);
        try (var program = ChannelProgram.fetch(builder.orb(0), memory)) {
            for (int i = 0; i < 2; i++) {
                var running = new CountDownLatch(2000);
                var stopped = CompletableFuture.runAsync(() -> {
                    await(running);
                    program.interrupt();
                });
                var device = new ScriptedDevice(List.of(Reply.of(4)));
                assertTimeoutPreemptively(
                        LONG,
                        () -> assertThrows(
                                InterruptedException.class, () -> program.execute(device, _ -> running.countDown())));
                stopped.join();
            }
        }
        assertEquals(0, memory.pins());
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** A data chain that runs in a circle is ended with a program check. */
    @Test
    void endlessDataChain() throws ErrnoException, InterruptedException {
        var builder = new ProgramBuilder(memory, true, P)
                .ccw(Ccw.WRITE, Ccw.CD, 1, DATA)
                .tic(P);
        try (var program = ChannelProgram.fetch(builder.orb(0), memory)) {
            Irb irb = program.execute(new ScriptedDevice(List.of(Reply.of(1 << 20))), intermediate::add);
            assertEquals(SubchannelStatus.PROGRAM_CHECK, irb.scsw().cstat());
        }
    }

    /** An interruption before the program starts counts as well, and it starts where it would have. */
    @Test
    void interruptedBefore() throws ErrnoException, InterruptedException {
        var builder = new ProgramBuilder(memory, true, P).ccw(Ccw.WRITE, 0, 4, DATA);
        var device = new ScriptedDevice(List.of(Reply.of(4)));
        try (var program = ChannelProgram.fetch(builder.orb(0), memory)) {
            program.interrupt();
            assertThrows(InterruptedException.class, () -> program.execute(device, intermediate::add));
            assertEquals(List.of(), device.commands());
            assertEquals(
                    P + 8, program.execute(device, intermediate::add).scsw().cpa());
        }
    }

    /** 15 Suspension of Channel-Program Execution: the status is presented once, even if it begins to wait again. */
    @ParameterizedTest
    @CsvSource({"0, 0, true, 0", "0, 8, true, 0x80", "0x80000, 0, false, 0", "0x80000, 8, true, 0x80"})
    void suspensions(int orb, int flags, boolean presented, int cstat) throws ErrnoException, InterruptedException {
        var builder = new ProgramBuilder(memory, true, P)
                .ccw(Ccw.WRITE, Ccw.CC, 4, DATA)
                .ccw(Ccw.READ, Ccw.SUSPEND | flags, 4, DATA);
        var device = new ScriptedDevice(List.of(Reply.of(4)));
        try (var program = ChannelProgram.fetch(builder.orb(Orb.SPND | orb), memory)) {
            for (int i = 0; i < 2; i++) {
                var thread = new Thread(() ->
                        assertThrows(InterruptedException.class, () -> program.execute(device, intermediate::add)));
                thread.start();
                long end = System.nanoTime() + LONG.toNanos();
                while (thread.getState() != Thread.State.WAITING && System.nanoTime() - end < 0) {
                    Thread.onSpinWait();
                }
                program.interrupt();
                assertTrue(thread.join(LONG));
            }
        }
        assertEquals(List.of(Ccw.WRITE), device.commands());
        var status = new Status(false, Scsw.ACTL_SUSPENDED, cstat, P + 16);
        assertEquals(
                presented ? List.of(status) : List.of(),
                intermediate.stream().map(Status::of).toList());
    }
}
