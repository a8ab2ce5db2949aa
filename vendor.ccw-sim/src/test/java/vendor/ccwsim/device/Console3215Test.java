package vendor.ccwsim.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.Charset;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import vfio.mdev.Await;

/** The commands of the console, and its operator. */
@Timeout(300)
class Console3215Test {
    private static final Charset EBCDIC = Charset.forName("IBM1047");
    private static final int COUNT = 80;

    private final AtomicInteger attentions = new AtomicInteger();
    private final Console3215 console = new Console3215(attentions::incrementAndGet);

    private static Command write(int code, String text) {
        return Command.out(code, text.getBytes(EBCDIC));
    }

    private static Command read(int count) {
        return Command.in(Console3215.READ_INQUIRY, count);
    }

    private static String text(Command command) {
        return new String(command.received(), EBCDIC);
    }

    private Errno refused(String line) {
        return assertThrows(ErrnoException.class, () -> console.type(line)).errno();
    }

    @Test
    void printsWhatIsWritten() throws Exception {
        assertEquals(Command.ENDED, write(Console3215.WRITE, "IPL ").on(console));
        assertEquals(Command.ENDED, write(Console3215.WRITE_ACR, "complete").on(console));
        assertEquals(Command.ENDED, write(Console3215.WRITE, "a\nb").on(console));
        assertEquals("IPL complete\na\nb", console.printed());
    }

    /** Each length around the buffer that the device writes from. */
    @Test
    void printsTextsOfAnyLength() throws Exception {
        var all = new StringBuilder();
        for (int length : new int[] {0, 1, 255, 256, 257, 511, 512, 513, 5000}) {
            String text = "x".repeat(length);
            assertEquals(Command.ENDED, write(Console3215.WRITE_ACR, text).on(console));
            all.append(text).append('\n');
        }
        assertEquals(all.toString(), console.printed());
    }

    @Test
    void keepsTheLast64KiOfWhatItPrinted() throws Exception {
        for (int i = 0; i < 100; i++) {
            write(Console3215.WRITE, ("" + (char) ('a' + i % 26)).repeat(1000)).on(console);
        }
        String printed = console.printed();
        assertEquals(64 << 10, printed.length());
        assertEquals("i" + "j".repeat(1000), printed.substring(535, 1536));
        assertEquals("v".repeat(1000), printed.substring(printed.length() - 1000));
    }

    @Test
    void typedLineCallsForAttentionAndIsReadLater() throws Exception {
        console.type("query time");
        assertEquals(1, attentions.get());
        Command read = read(COUNT);
        assertEquals(Command.ENDED, read.on(console));
        assertEquals("query time", text(read));
        assertEquals("query time\n", console.printed(), "what is typed is on the paper too");
        assertFalse(console.attention(), "the request is withdrawn");
        assertEquals(1, attentions.get());
    }

    @Test
    void lineLeftAfterAReadCallsForAttentionAgain() throws Exception {
        console.type("one");
        console.type("two");
        assertEquals(2, attentions.get());
        Command first = read(COUNT);
        first.on(console);
        assertEquals("one", text(first));
        assertEquals(3, attentions.get());
        Command second = read(COUNT);
        second.on(console);
        assertEquals("two", text(second));
        assertEquals(3, attentions.get());
    }

    @Test
    void waitingReadGetsTheLineWithoutAttention() throws Exception {
        try (ExecutorService subchannel = Executors.newSingleThreadExecutor()) {
            Command read = read(COUNT);
            Future<Integer> status = waiting(subchannel, read);
            console.type("hello");
            assertEquals(Command.ENDED, status.get());
            assertEquals("hello", text(read));
            assertEquals(0, attentions.get());
        }
    }

    private Future<Integer> waiting(ExecutorService subchannel, Command read) throws Exception {
        Thread thread = subchannel.submit(Thread::currentThread).get();
        Future<Integer> status = subchannel.submit(() -> read.on(console));
        Await.until("the read waits for a line", console::reading);
        Await.blocked(thread);
        return status;
    }

    @Test
    void interruptEndsAReadThatWaitsAndTheNextUntilItMayProceed() throws Exception {
        try (ExecutorService subchannel = Executors.newSingleThreadExecutor()) {
            Future<Integer> status = waiting(subchannel, read(COUNT));
            console.interrupt();
            console.interrupt();
            var end = assertThrows(ExecutionException.class, status::get);
            assertInstanceOf(InterruptedException.class, end.getCause());
            assertThrows(InterruptedException.class, () -> read(COUNT).on(console));
            assertEquals(Command.ENDED, write(Console3215.WRITE, "x").on(console), "does not wait");
            console.proceed();
            console.type("again");
            Command read = read(COUNT);
            read.on(console);
            assertEquals("again", text(read));
        }
    }

    @Test
    void longerLineThanTheCountIsCut() throws Exception {
        console.type("abcdef");
        console.type("next");
        Command read = read(4);
        assertEquals(Command.ENDED, read.on(console));
        assertEquals("abcd", text(read));
        Command next = read(COUNT);
        next.on(console);
        assertEquals("next", text(next));
    }

    @Test
    void operatorIsRefusedWhatTheConsoleCannotKeep() throws Exception {
        assertEquals(Errno.EINVAL, refused("x".repeat(257)));
        assertEquals(Errno.EINVAL, refused("\u20ac"));
        assertEquals(0, attentions.get());
        for (int i = 0; i < 64; i++) {
            console.type("x".repeat(256));
        }
        assertEquals(Errno.EAGAIN, refused("x"));
        assertEquals(64, attentions.get());
        read(COUNT).on(console);
        console.type("x");
    }

    @Test
    void identifiesItself() throws Exception {
        Command id = Command.in(ControlUnit.SENSE_ID, 20);
        assertEquals(Command.ENDED, id.on(console));
        assertEquals("ff 32 15 00 32 15 00", id.hex());
        assertEquals(Command.ENDED, Command.in(ControlUnit.NO_OPERATION, 1).on(console));
        assertEquals(Command.ENDED, Command.in(Console3215.AUDIBLE_ALARM, 1).on(console));
    }

    @Test
    void unknownCommandIsRejectedAndSenseTellsItOnce() throws Exception {
        assertEquals(Command.UNIT_CHECK, Command.out(0x05).on(console));
        Command.in(ControlUnit.NO_OPERATION, 1).on(console);
        Command sense = Command.in(ControlUnit.SENSE, 32);
        assertEquals(Command.ENDED, sense.on(console));
        assertEquals("80", sense.hex());
        Command again = Command.in(ControlUnit.SENSE, 32);
        again.on(console);
        assertEquals("00", again.hex());
    }

    @Test
    void senseTellsOfThePreviousCommandOnly() throws Exception {
        Command.out(0x05).on(console);
        write(Console3215.WRITE, "x").on(console);
        Command sense = Command.in(ControlUnit.SENSE, 1);
        sense.on(console);
        assertEquals("00", sense.hex());
        Command.out(0x05).on(console);
        console.reset();
        Command reset = Command.in(ControlUnit.SENSE, 1);
        reset.on(console);
        assertEquals("00", reset.hex());
    }

    @Test
    void stateHasPaperLinesAndSense() throws Exception {
        write(Console3215.WRITE_ACR, "paper").on(console);
        console.type("one");
        console.type("two");
        Command.out(0x05).on(console);
        var next = new Console3215(attentions::incrementAndGet);
        next.restore(console.save());
        assertEquals("paper\n", next.printed());
        Command sense = Command.in(ControlUnit.SENSE, 1);
        sense.on(next);
        assertEquals("80", sense.hex());
        for (String line : new String[] {"one", "two"}) {
            Command read = read(COUNT);
            read.on(next);
            assertEquals(line, text(read));
        }
        assertArrayEquals(next.save().bytes("paper"), "paper\none\ntwo\n".getBytes(EBCDIC));
    }

    @Test
    void invalidStateIsRefused() {
        DeviceState good = DeviceState.version(1).with("sense", new byte[1]);
        for (DeviceState bad : new DeviceState[] {
            DeviceState.version(1),
            DeviceState.version(1).with("sense", new byte[2]),
            good,
            good.with("paper", new byte[0]),
            good.with("paper", new byte[0]).with("typed", List.of("text")),
            good.with("paper", new byte[0]).with("typed", List.of(new byte[257])),
            good.with("paper", new byte[0]).with("typed", Collections.nCopies(65, new byte[0])),
            good.with("paper", new byte[(64 << 10) + 1]).with("typed", List.of())
        }) {
            var refusal = assertThrows(ErrnoException.class, () -> console.restore(bad), bad.toString());
            assertEquals(Errno.EINVAL, refusal.errno());
        }
    }
}
