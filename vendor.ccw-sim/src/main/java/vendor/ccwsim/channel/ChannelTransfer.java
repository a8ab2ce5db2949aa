package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.function.Consumer;
import mdev.api.vfio.DmaAccess;

/**
 * The data of one command: the position in its CCW, through data chaining, and how the transfer ended. Data of a read
 * backward would be stored in ascending addresses as well: a device has to reject that command.
 */
final class ChannelTransfer implements DataTransfer {
    /** CCWs in the data chain of a command: one that runs in a circle must not hold the device for ever. */
    static final int MAX_CHAINED = 1 << 16;

    private final Cursor cursor;
    private final int command;
    private final boolean input;

    /** Told of each CCW that data chaining makes current, before its data move. */
    private final Consumer<Step> current;

    /** Told once, before the first data: the device has accepted the command. */
    private final Runnable accepted;

    private Step step;
    private int position;
    private int chained;
    private boolean used;
    private boolean moved;
    private boolean exceeded;
    private int check;
    private long cpa;

    ChannelTransfer(Cursor cursor, Step step, Consumer<Step> current, Runnable accepted) {
        this.cursor = cursor;
        this.step = step;
        this.current = current;
        this.accepted = accepted;
        command = step.ccw().command();
        input = Ccw.isInput(command);
        cpa = step.address() + Ccw.SIZE;
    }

    @Override
    public int toMemory(byte[] data, int offset, int length) throws TransferEndedException {
        if (!input) {
            throw new IllegalStateException("command 0x%02x moves no data to memory".formatted(command));
        }
        return move(data, offset, length);
    }

    @Override
    public int fromMemory(byte[] data, int offset, int length) throws TransferEndedException {
        if (input) {
            throw new IllegalStateException("command 0x%02x moves no data from memory".formatted(command));
        }
        return move(data, offset, length);
    }

    private int move(byte[] data, int offset, int length) throws TransferEndedException {
        Objects.checkFromIndexSize(offset, length, data.length);
        if (!used) {
            used = true;
            accepted.run();
        }
        int done = 0;
        while (done < length) {
            int left = left();
            if (left == 0) {
                if (!step.ccw().has(Ccw.CD)) {
                    exceeded = true;
                    return done;
                }
                chainData();
            } else {
                int bytes = Math.min(length - done, left);
                if (!input || !step.ccw().has(Ccw.SKIP)) {
                    bytes = access(data, offset + done, bytes);
                }
                position += bytes;
                done += bytes;
                moved = true;
            }
        }
        return done;
    }

    @Override
    public int available() throws TransferEndedException {
        while (left() == 0 && step.ccw().has(Ccw.CD)) {
            chainData();
        }
        return left();
    }

    /** Moves bytes of one page. */
    private int access(byte[] data, int offset, int length) throws TransferEndedException {
        int first = step.offset(position);
        int index = (int) ChannelPins.pfn(first);
        int at = ChannelPins.offset(first);
        if (!step.hasPage(index)) {
            throw ended(SubchannelStatus.PROGRAM_CHECK);
        }
        MemorySegment page = step.page(index);
        if (page == null || (input && page.isReadOnly())) {
            throw ended(SubchannelStatus.PROTECTION_CHECK);
        }
        int bytes = Math.min(length, DmaAccess.PAGE_SIZE - at);
        try {
            if (input) {
                MemorySegment.copy(data, offset, page, ValueLayout.JAVA_BYTE, at, bytes);
            } else {
                MemorySegment.copy(page, ValueLayout.JAVA_BYTE, at, data, offset, bytes);
            }
        } catch (IllegalStateException _) {
            throw ended(SubchannelStatus.PROGRAM_CHECK); // unmapped since it was pinned
        }
        return bytes;
    }

    private void chainData() throws TransferEndedException {
        Cursor.Fetched next = cursor.next(step.address() + Ccw.SIZE, true);
        cpa = next.cpa();
        if (next.step() == null || ++chained > MAX_CHAINED) {
            throw ended(SubchannelStatus.PROGRAM_CHECK);
        }
        step = next.step();
        position = 0;
        current.accept(step);
    }

    private TransferEndedException ended(int condition) {
        check = condition;
        return new TransferEndedException("subchannel status 0x%02x".formatted(condition));
    }

    /** The last CCW used. */
    Step step() {
        return step;
    }

    /** The address of the last CCW used, or of the invalid one, plus 8. */
    long cpa() {
        return cpa;
    }

    /** The residual count of the last CCW used. */
    int left() {
        return step.ccw().count() - position;
    }

    /** Whether the device has moved data, or wanted to. */
    boolean used() {
        return used;
    }

    boolean moved() {
        return moved;
    }

    /** Whether the device had, or wanted, more data than the program provides for. */
    boolean exceeded() {
        return exceeded;
    }

    /** The check condition that has ended the transfer, or 0. */
    int check() {
        return check;
    }
}
