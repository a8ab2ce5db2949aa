package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import org.jspecify.annotations.Nullable;

/** A copied CCW with the pages of its data. */
final class Step {
    private static final long[] NONE = {};

    private final long address;
    private final Ccw ccw;
    private boolean movesData;
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
        pages = Pins.pin(memory, frames);
        pfns = frames;
    }

    void unpin(DmaAccess memory) {
        Pins.unpin(memory, Pins.pinned(pfns, pages));
    }

    boolean pins(long firstPfn, long lastPfn) {
        return Arrays.stream(pfns).anyMatch(pfn -> pfn >= firstPfn && pfn <= lastPfn);
    }

    /**
     * {@code ccw_does_data_transfer()}: its data are needed if it is used by a command; those of no-operations and of
     * skipped input are not, and may have any address.
     *
     * @param command its own, or with data chaining that of the first CCW; 0: none
     */
    void executes(int command) {
        boolean none = command == 0 || command == Ccw.NOOP || (ccw.has(Ccw.SKIP) && Ccw.isInput(command));
        movesData |= ccw.count() != 0 && !none;
    }

    boolean movesData() {
        return movesData;
    }

    /** The frames of the data, those that its IDAWs, or its address up to a limit, designate. */
    long[] frames(long limit) {
        if (idaws.length != 0) {
            return Arrays.stream(idaws).map(Pins::pfn).toArray();
        }
        long[] frames = new long[blocks(ccw.address(), (int) Math.min(ccw.count(), limit - ccw.address()))];
        Arrays.setAll(frames, i -> Pins.pfn(ccw.address()) + i);
        return frames;
    }

    /** The number of pages that hold some bytes. */
    static int blocks(long start, int bytes) {
        return (Pins.offset(start) + bytes + DmaAccess.PAGE_SIZE - 1) / DmaAccess.PAGE_SIZE;
    }

    /** The offset of a byte of the data, counted from the beginning of the first page. */
    int offset(int position) {
        return Pins.offset(idaws.length == 0 ? ccw.address() : idaws[0]) + position;
    }

    /** Whether the data have a page with the index; all IDAWs but the first designate the beginning of one. */
    boolean hasPage(int index) {
        return index < pages.length && (index == 0 || idaws.length == 0 || Pins.offset(idaws[index]) == 0);
    }

    /** Null: the user may not read it. */
    @Nullable
    MemorySegment page(int index) {
        return pages[index];
    }
}
