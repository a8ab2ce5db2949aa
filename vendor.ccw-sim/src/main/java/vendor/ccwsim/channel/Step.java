package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import org.jspecify.annotations.Nullable;

/** A copied CCW with the pages of its data. */
final class Step {
    /** Reached by command chaining, or as the first. */
    static final int BY_COMMAND = 1;

    /** Reached by the data chaining of a read or sense command. */
    static final int BY_INPUT = 2;

    /** Reached by the data chaining of a write or control command. */
    static final int BY_OUTPUT = 4;

    private static final long[] NONE = {};

    private final long address;
    private final Ccw ccw;
    private boolean movesData;
    private int reached;
    private long[] idaws = NONE;
    private long[] pfns = NONE;
    private @Nullable MemorySegment[] pages = new MemorySegment[0];

    /**
     * @param address of the CCW in the user's memory
     * @param movesData whether its data will be needed
     */
    Step(long address, Ccw ccw, boolean movesData) {
        this.address = address;
        this.ccw = ccw;
        this.movesData = movesData;
    }

    long address() {
        return address;
    }

    Ccw ccw() {
        return ccw;
    }

    /** Empty if the data are at the address of the CCW, or were not fetched. */
    long[] idaws() {
        return idaws;
    }

    void idaws(long[] list) {
        idaws = list;
    }

    void pin(DmaAccess memory, long[] frames) throws ErrnoException {
        pages = ChannelPins.pin(memory, frames);
        pfns = frames;
    }

    void unpin(DmaAccess memory) {
        ChannelPins.unpin(memory, ChannelPins.pinned(pfns, pages));
    }

    boolean pins(long firstPfn, long lastPfn) {
        return Arrays.stream(pfns).anyMatch(pfn -> pfn >= firstPfn && pfn <= lastPfn);
    }

    /** Whether {@link #reach} was called for all of the ways. */
    boolean isReached(int ways) {
        return (reached & ways) == ways;
    }

    /**
     * Tells how the program can get here: which decides, as {@code ccw_does_data_transfer()}, whether the data are
     * needed. Those of no-operations and of skipped input are not, and may have any address.
     *
     * @param ways a set of the constants
     * @return in which directions the data can move: those of the ways, and of the CCW's own command
     */
    int reach(int ways) {
        reached |= ways;
        int own = Ccw.isInput(ccw.command()) ? BY_INPUT : BY_OUTPUT;
        int directions = (ways & ~BY_COMMAND) | (ccw.command() == Ccw.NOOP ? 0 : own);
        int needed = ccw.has(Ccw.SKIP) ? BY_OUTPUT : BY_INPUT | BY_OUTPUT;
        movesData |= ccw.count() != 0 && (directions & needed) != 0;
        return directions;
    }

    boolean movesData() {
        return movesData;
    }

    /** The frames of the data, those that its IDAWs, or its address up to a limit, designate. */
    long[] frames(long limit) {
        if (idaws.length != 0) {
            return Arrays.stream(idaws).map(ChannelPins::pfn).toArray();
        }
        long[] frames = new long[blocks(ccw.address(), (int) Math.min(ccw.count(), limit - ccw.address()))];
        Arrays.setAll(frames, i -> ChannelPins.pfn(ccw.address()) + i);
        return frames;
    }

    /** The number of pages that hold some bytes. */
    static int blocks(long start, int bytes) {
        return (ChannelPins.offset(start) + bytes + DmaAccess.PAGE_SIZE - 1) / DmaAccess.PAGE_SIZE;
    }

    /** The offset of a byte of the data, counted from the beginning of the first page. */
    int offset(int position) {
        return ChannelPins.offset(idaws.length == 0 ? ccw.address() : idaws[0]) + position;
    }

    /** Whether the data have a page with the index; all IDAWs but the first designate the beginning of one. */
    boolean hasPage(int index) {
        return index < pages.length && (index == 0 || idaws.length == 0 || ChannelPins.offset(idaws[index]) == 0);
    }

    /** Null: the user may not read it. */
    @Nullable
    MemorySegment page(int index) {
        return pages[index];
    }
}
