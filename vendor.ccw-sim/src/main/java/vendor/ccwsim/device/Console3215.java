package vendor.ccwsim.device;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.util.ArrayDeque;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import vendor.ccwsim.channel.DataTransfer;
import vendor.ccwsim.channel.TransferEndedException;

/**
 * A 3215 console printer-keyboard: prints what programs write, and reads the lines that its operator types. The text
 * in memory is EBCDIC, code page 1047, in which 0x15 is a new line.
 *
 * <p>{@link #type} and {@link #printed} may be called by any thread; the monitor guards the paper and the typed lines,
 * and is not held while data move.
 */
public final class Console3215 extends ControlUnit {
    static final int WRITE = 0x01;
    /** Write with auto carriage return. */
    static final int WRITE_ACR = 0x09;

    static final int READ_INQUIRY = 0x0a;
    static final int AUDIBLE_ALARM = 0x0b;

    /** The most lines that wait for a read inquiry. */
    static final int MOST_LINES = 64;

    /** The longest line in characters, a byte each. */
    static final int LONGEST_LINE = 256;

    private static final Charset EBCDIC = Charset.forName("IBM1047");
    private static final byte[] NEW_LINE = {0x15};
    private static final int BUFFER = 256;

    private final Runnable attention;
    private final ConsoleTranscript paper = new ConsoleTranscript();
    private final ArrayDeque<byte[]> typed = new ArrayDeque<>();

    /** A read inquiry waits for a line. */
    private boolean reading;

    private boolean interrupted;

    /** @param attention called without a lock when a line waits that no read inquiry waits for */
    public Console3215(Runnable attention) {
        super(new Type(0x3215, 0, 0x3215, 0), 1);
        this.attention = attention;
    }

    @Override
    int perform(int command, DataTransfer transfer) throws TransferEndedException, InterruptedException {
        return switch (command) {
            case WRITE -> write(transfer);
            case WRITE_ACR -> {
                int status = write(transfer);
                print(NEW_LINE, NEW_LINE.length);
                yield status;
            }
            case READ_INQUIRY -> read(transfer);
            case AUDIBLE_ALARM -> ENDED;
            default -> unitCheck(COMMAND_REJECT);
        };
    }

    private int write(DataTransfer transfer) throws TransferEndedException {
        byte[] data = new byte[BUFFER];
        int left = transfer.available();
        while (left > 0) {
            print(data, transfer.fromMemory(data, 0, Math.min(left, BUFFER)));
            left = transfer.available();
        }
        return ENDED;
    }

    private synchronized void print(byte[] data, int length) {
        paper.print(data, 0, length);
    }

    /** A line that is longer than the program's count is cut. */
    private int read(DataTransfer transfer) throws TransferEndedException, InterruptedException {
        byte[] line = nextLine();
        int status = send(line, transfer);
        if (attention()) {
            attention.run();
        }
        return status;
    }

    @Override
    public synchronized boolean attention() {
        return !typed.isEmpty();
    }

    private synchronized byte[] nextLine() throws InterruptedException {
        reading = true;
        try {
            while (typed.isEmpty()) {
                if (interrupted) {
                    throw new InterruptedException();
                }
                wait(); // until type or interrupt, which also the end of the subchannel calls
            }
            byte[] line = typed.remove();
            print(line, line.length); // the keyboard is also the printer's
            print(NEW_LINE, NEW_LINE.length);
            return line;
        } finally {
            reading = false;
        }
    }

    /**
     * Types a line. Without a read inquiry that waits for it, it is kept for the next one, and the device requests
     * attention.
     *
     * @throws ErrnoException EINVAL: longer than 256 characters, or a character that code page 1047 lacks; EAGAIN: 64
     *     lines wait already
     */
    public void type(String line) throws ErrnoException {
        byte[] bytes = encode(line);
        boolean request;
        synchronized (this) {
            if (typed.size() == MOST_LINES) {
                throw new ErrnoException(
                        Errno.EAGAIN, "the console's program has not read the last " + MOST_LINES + " lines");
            }
            typed.add(bytes);
            request = !reading;
            notifyAll();
        }
        if (request) {
            attention.run();
        }
    }

    private static byte[] encode(String line) throws ErrnoException {
        if (line.length() > LONGEST_LINE) {
            throw new ErrnoException(
                    Errno.EINVAL, "a line has at most " + LONGEST_LINE + " characters, not " + line.length());
        }
        try {
            ByteBuffer encoded = EBCDIC.newEncoder().encode(CharBuffer.wrap(line));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            return bytes;
        } catch (CharacterCodingException e) {
            throw new ErrnoException(Errno.EINVAL, "the line has a character that EBCDIC (code page 1047) lacks");
        }
    }

    /** What the console has printed, with the lines that have been typed and read: the last 64 Ki characters. */
    public String printed() {
        byte[] bytes;
        synchronized (this) {
            bytes = paper.bytes();
        }
        return new String(bytes, EBCDIC);
    }

    /** Whether a read inquiry waits for a line. */
    synchronized boolean reading() {
        return reading;
    }

    @Override
    public synchronized void interrupt() {
        interrupted = true;
        notifyAll();
    }

    @Override
    public synchronized void proceed() {
        interrupted = false;
    }

    @Override
    public synchronized DeviceState save() {
        return super.save().with("paper", paper.bytes()).with("typed", List.copyOf(typed));
    }

    @Override
    public synchronized void restore(DeviceState state) throws ErrnoException {
        super.restore(state);
        byte[] printed = state.bytes("paper");
        List<?> lines = state.list("typed");
        if (printed.length > ConsoleTranscript.MOST || lines.size() > MOST_LINES) {
            throw new ErrnoException(Errno.EINVAL, "state: too much on a console");
        }
        paper.set(printed);
        typed.clear();
        for (Object line : lines) {
            if (!(line instanceof byte[] bytes) || bytes.length > LONGEST_LINE) {
                throw new ErrnoException(Errno.EINVAL, "state: a typed line is at most " + LONGEST_LINE + " bytes");
            }
            typed.add(bytes);
        }
    }
}
