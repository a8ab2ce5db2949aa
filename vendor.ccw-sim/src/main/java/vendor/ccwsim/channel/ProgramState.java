package vendor.ccwsim.channel;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/**
 * A copied program as fields of a state: its ORB, and one entry for each CCW, big-endian. An entry is the address of
 * the CCW (4 bytes), the CCW in format 1 (8), whether it moves data (1), the number of its IDAWs (1), and the
 * IDAWs (8 each).
 */
final class ProgramState {
    private static final int HEAD = 4 + Ccw.SIZE + 2;
    private static final int MOVES_DATA = 4 + Ccw.SIZE;

    /** The IDAWs of 64 KiB that do not begin at the beginning of a page. */
    private static final int MAX_IDAWS = 17;

    private static final int MAX_CCWS = ProgramCopy.MAX_CHAINS * ProgramCopy.MAX_CHAIN;

    private ProgramState() {}

    static DeviceState of(Orb orb, Iterable<Step> steps) {
        byte[] block = new byte[Orb.SIZE];
        orb.write(MemorySegment.ofArray(block), 0);
        var ccws = new ByteArrayOutputStream();
        steps.forEach(step -> ccws.writeBytes(entry(step)));
        return DeviceState.version(1).with("orb", block).with("ccws", ccws.toByteArray());
    }

    private static byte[] entry(Step step) {
        long[] idaws = step.idaws();
        byte[] bytes = new byte[HEAD + idaws.length * Long.BYTES];
        var entry = MemorySegment.ofArray(bytes);
        entry.set(BigEndian.INT, 0, (int) step.address());
        step.ccw().writeFormat1(entry, 4);
        entry.set(BigEndian.SHORT, MOVES_DATA, (short) ((step.movesData() ? 1 << 8 : 0) | idaws.length));
        MemorySegment.copy(idaws, 0, entry, BigEndian.LONG, HEAD, idaws.length);
        return bytes;
    }

    static Orb orb(DeviceState state) throws ErrnoException {
        byte[] block = state.bytes("orb");
        if (block.length != Orb.SIZE) {
            throw new ErrnoException(Errno.EINVAL, "state: the ORB has " + block.length + " bytes, not " + Orb.SIZE);
        }
        return Orb.read(MemorySegment.ofArray(block), 0);
    }

    static List<Step> steps(DeviceState state) throws ErrnoException {
        var ccws = MemorySegment.ofArray(state.bytes("ccws"));
        List<Step> steps = new ArrayList<>();
        long offset = 0;
        while (offset < ccws.byteSize()) {
            long left = ccws.byteSize() - offset;
            int last = left < HEAD ? 0 : ccws.get(BigEndian.SHORT, offset + MOVES_DATA) & 0xffff;
            int idaws = last & 0xff;
            if (left < HEAD + (long) idaws * Long.BYTES || idaws > MAX_IDAWS || steps.size() == MAX_CCWS) {
                throw new ErrnoException(Errno.EINVAL, "state: CCW " + steps.size() + " is invalid");
            }
            steps.add(step(ccws, offset, last >>> 8 != 0, idaws));
            offset += HEAD + (long) idaws * Long.BYTES;
        }
        return steps;
    }

    private static Step step(MemorySegment ccws, long offset, boolean movesData, int idaws) {
        long address = Integer.toUnsignedLong(ccws.get(BigEndian.INT, offset));
        long[] list = new long[idaws];
        MemorySegment.copy(ccws, BigEndian.LONG, offset + HEAD, list, 0, idaws);
        var step = new Step(address, Ccw.readFormat1(ccws, offset + 4), movesData);
        step.idaws(list);
        return step;
    }
}
