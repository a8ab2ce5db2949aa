package vendor.ccwsim.device;

import java.io.IOException;
import java.nio.ByteBuffer;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.sync.LimitedLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vendor.ccwsim.channel.DataTransfer;
import vendor.ccwsim.channel.TransferEndedException;

/**
 * A fixed-block disk, a 9336 behind a 6310, as Linux's {@code dasd_fba} drives it: a channel program defines an
 * extent, locates blocks in it, and reads or writes them.
 */
public final class FbaDisk extends ControlUnit {
    static final int WRITE = 0x41;
    static final int READ = 0x42;
    static final int LOCATE = 0x43;
    static final int DEFINE_EXTENT = 0x63;
    static final int READ_DEVICE_CHARACTERISTICS = 0x64;

    /** Sense byte 1. */
    static final int FILE_PROTECTED = 0x04;

    /** The operations of locate, {@code cmd} of {@code struct LO_fba_data}. */
    static final int WRITE_DATA = 0x1;

    static final int WRITE_AND_VERIFY = 0x5;
    static final int READ_DATA = 0x6;

    private static final Logger LOG = LoggerFactory.getLogger(FbaDisk.class);
    private static final int SENSE_LENGTH = 24;
    private static final int DEFINE_EXTENT_LENGTH = 16;
    private static final int LOCATE_LENGTH = 8;

    /** Byte 0 of define extent: which writes are permitted. */
    private static final int PERMISSION = 0xc0, INHIBIT_FORMAT = 0x00, INHIBIT_WRITE = 0x40, PERMIT_ALL = 0xc0;

    private static final int RESERVED = 0x3b;

    /**
     * The permitted blocks ({@code struct DE_fba_data}): the program's block {@code first} is the disk's block
     * {@code location}.
     */
    private record Extent(boolean writable, long location, long first, long last) {
        static final Extent NONE = new Extent(false, 0, 1, 0);

        boolean contains(long block, int count) {
            return count > 0 && block >= first && block + count - 1 <= last;
        }

        long onDisk(long block) {
            return location + block - first;
        }
    }

    /** What locate has selected: the disk's blocks that the next command reads or writes. */
    private record Located(int operation, int block, int count) {
        static final Located NOTHING = new Located(0, 0, 0);
    }

    private final Medium medium;
    private final LimitedLog failures = new LimitedLog();
    private Extent extent = Extent.NONE;
    private Located located = Located.NOTHING;

    /** @param medium not closed by the disk */
    public FbaDisk(Medium medium) {
        super(new Type(0x6310, 0x80, 0x9336, 0x10), SENSE_LENGTH);
        this.medium = medium;
    }

    @Override
    int perform(int command, DataTransfer transfer) throws TransferEndedException {
        return switch (command) {
            case DEFINE_EXTENT -> defineExtent(transfer);
            case LOCATE -> locate(transfer);
            case READ -> read(transfer);
            case WRITE -> write(transfer);
            case READ_DEVICE_CHARACTERISTICS -> send(characteristics(), transfer);
            default -> unitCheck(COMMAND_REJECT);
        };
    }

    private int defineExtent(DataTransfer transfer) throws TransferEndedException {
        extent = Extent.NONE;
        located = Located.NOTHING;
        byte[] data = new byte[DEFINE_EXTENT_LENGTH];
        if (transfer.fromMemory(data, 0, data.length) < data.length) {
            return unitCheck(COMMAND_REJECT);
        }
        ByteBuffer fields = ByteBuffer.wrap(data);
        int mask = fields.get();
        int zero = fields.get();
        int blockSize = Short.toUnsignedInt(fields.getShort());
        long location = Integer.toUnsignedLong(fields.getInt());
        long first = Integer.toUnsignedLong(fields.getInt());
        long last = Integer.toUnsignedLong(fields.getInt());
        int permission = mask & PERMISSION;
        boolean known = permission == INHIBIT_FORMAT || permission == INHIBIT_WRITE || permission == PERMIT_ALL;
        if (!known
                || (mask & RESERVED) != 0
                || zero != 0
                || (blockSize != 0 && blockSize != Medium.BLOCK)
                || last < first
                || location + (last - first) >= medium.blocks()) {
            return unitCheck(COMMAND_REJECT);
        }
        extent = new Extent(permission != INHIBIT_WRITE, location, first, last);
        return ENDED;
    }

    private int locate(DataTransfer transfer) throws TransferEndedException {
        located = Located.NOTHING;
        byte[] data = new byte[LOCATE_LENGTH];
        if (transfer.fromMemory(data, 0, data.length) < data.length) {
            return unitCheck(COMMAND_REJECT);
        }
        ByteBuffer fields = ByteBuffer.wrap(data);
        int operation = fields.get();
        fields.get(); // the replication count of operations that this disk lacks
        int count = Short.toUnsignedInt(fields.getShort());
        long block = Integer.toUnsignedLong(fields.getInt());
        boolean writes = operation == WRITE_DATA || operation == WRITE_AND_VERIFY;
        if ((!writes && operation != READ_DATA) || !extent.contains(block, count)) {
            return unitCheck(COMMAND_REJECT);
        }
        if (writes && !extent.writable()) {
            return unitCheck(COMMAND_REJECT, FILE_PROTECTED);
        }
        located = new Located(operation, (int) extent.onDisk(block), count);
        return ENDED;
    }

    /** Ends at the last located block, or with the program's count. */
    private int read(DataTransfer transfer) throws TransferEndedException {
        Located selected = take();
        if (selected.operation() != READ_DATA) {
            return unitCheck(COMMAND_REJECT);
        }
        byte[] data = new byte[Medium.BLOCK];
        try {
            for (int i = 0; i < selected.count(); i++) {
                medium.read(selected.block() + i, data);
                if (transfer.toMemory(data, 0, data.length) < data.length) {
                    break;
                }
            }
            return ENDED;
        } catch (IOException e) {
            return broken(e);
        }
    }

    /** As {@link #read}; the rest of a block for which the program has no data becomes zeros. */
    private int write(DataTransfer transfer) throws TransferEndedException {
        Located selected = take();
        if (selected.operation() != WRITE_DATA && selected.operation() != WRITE_AND_VERIFY) {
            return unitCheck(COMMAND_REJECT);
        }
        try {
            for (int i = 0; i < selected.count(); i++) {
                byte[] data = new byte[Medium.BLOCK];
                int length = transfer.fromMemory(data, 0, data.length);
                if (length > 0) {
                    medium.write(selected.block() + i, data);
                }
                if (length < data.length) {
                    break;
                }
            }
            return ENDED;
        } catch (IOException e) {
            return broken(e);
        }
    }

    private Located take() {
        Located selected = located;
        located = Located.NOTHING;
        return selected;
    }

    private int broken(IOException e) {
        failures.log(more -> LOG.warn("a disk's file: {}{}", e.toString(), more));
        return unitCheck(EQUIPMENT_CHECK);
    }

    /** {@code struct dasd_fba_characteristics}. */
    private byte[] characteristics() {
        return ByteBuffer.allocate(32)
                .put((byte) 0x30) // burst mode, data chaining
                .put((byte) 0x08) // the geometry below is meaningless
                .put((byte) 0x21) // device class
                .put((byte) 0x11) // unit type: 9336-20
                .putShort((short) Medium.BLOCK)
                .putInt(111) // blocks per cyclical group
                .putInt(777) // blocks per access position
                .putInt(medium.blocks())
                .array();
    }

    /** Extents and locations are those of one chain of commands. */
    @Override
    public void start() {
        extent = Extent.NONE;
        located = Located.NOTHING;
    }

    @Override
    public void reset() {
        super.reset();
        start();
    }

    /** The disk does not wait. */
    @Override
    public void interrupt() {}

    @Override
    public void proceed() {}

    @Override
    public DeviceState save() {
        DeviceState state = super.save()
                .with("blocks", medium.blocks())
                .with("writable", extent.writable())
                .with("location", extent.location())
                .with("first", extent.first())
                .with("last", extent.last())
                .with("operation", located.operation())
                .with("block", located.block())
                .with("count", located.count());
        return medium instanceof MemoryMedium memory ? state.with("contents", memory.contents()) : state;
    }

    @Override
    public void restore(DeviceState state) throws ErrnoException {
        if (state.number("blocks") != medium.blocks()) {
            throw new ErrnoException(
                    Errno.EINVAL, "the disk had " + state.number("blocks") + " blocks, this one " + medium.blocks());
        }
        super.restore(state);
        var saved = new Extent(
                state.flag("writable"), state.number("location"), state.number("first"), state.number("last"));
        int operation = state.number("operation", 0, READ_DATA);
        int block = state.number("block", 0, medium.blocks() - 1);
        int count = state.number("count", 0, medium.blocks() - block);
        if (!saved.equals(Extent.NONE)
                && (saved.location() < 0
                        || saved.first() < 0
                        || saved.last() < saved.first()
                        || saved.last() > 0xffff_ffffL
                        || saved.location() > medium.blocks() - 1 - (saved.last() - saved.first()))) {
            throw new ErrnoException(Errno.EINVAL, "state: the extent is not on the disk");
        }
        if (medium instanceof MemoryMedium memory) {
            byte[] contents = state.bytes("contents");
            if (contents.length != medium.blocks() * Medium.BLOCK) {
                throw new ErrnoException(Errno.EINVAL, "state: " + contents.length + " bytes of blocks");
            }
            memory.contents(contents);
        }
        extent = saved;
        located = new Located(operation, block, count);
    }
}
