package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import org.jspecify.annotations.Nullable;

/** The CCWs of a program by their address, and the pages of its data. */
final class ProgramCopy {
    /** {@code CCWCHAIN_LEN_MAX}: CCWs of a chain. */
    static final int MAX_CHAIN = 256;

    /** Chains of a program: the targets of its transfers in channel. */
    static final int MAX_CHAINS = 64;

    /** Pages that a program pins: 64 MiB. */
    static final int MAX_PAGES = 1 << 14;

    private static final int IDAW_SIZE = Long.BYTES;

    /** The bytes that are copied at a time, at most: more than most chains have, and never beyond a page. */
    private static final int CHUNK = 512;

    private final Orb orb;
    private final DmaAccess memory;
    private final Rules rules;
    private final Map<Long, Step> steps = new LinkedHashMap<>();
    private MemorySegment words = MemorySegment.NULL;
    private long wordsAt;
    private int pages;
    private boolean closed;

    ProgramCopy(Orb orb, DmaAccess memory) {
        this.orb = orb;
        this.memory = memory;
        this.rules = new Rules(orb);
    }

    /**
     * A chain to be copied.
     *
     * @param reached how the program can get to its first CCW, see {@link Step#reach}
     */
    private record Chain(long head, int reached) {}

    /** {@code cp_init()}: copies the chain of the ORB and those to which it transfers. */
    void fetch() throws ErrnoException {
        Deque<Chain> chains = new ArrayDeque<>();
        chains.add(new Chain(orb.firstCcw(), Step.BY_COMMAND));
        int count = 0;
        while (!chains.isEmpty()) {
            Chain chain = chains.remove();
            Step head = steps.get(chain.head);
            if (head == null && ++count > MAX_CHAINS) {
                throw new ErrnoException(Errno.ENOMEM, "the program has more than " + MAX_CHAINS + " chains");
            }
            // Data chaining into a chain that is copied can need pages that its commands do not, and vice versa.
            if (head == null || !head.isReached(chain.reached)) {
                copyChain(chain, chains);
            }
        }
    }

    private void copyChain(Chain chain, Deque<Chain> more) throws ErrnoException {
        int reached = chain.reached;
        long address = chain.head;
        for (int length = 1; rules.isCcwAddress(address); length++) {
            if (length > MAX_CHAIN) {
                throw new ErrnoException(Errno.EINVAL, "a chain has more than " + MAX_CHAIN + " CCWs");
            }
            Step step = copy(address);
            Ccw ccw = step.ccw();
            if (ccw.isTic()) {
                // The target of an invalid one is not fetched: that is a program check, if the program gets there.
                if (rules.isValidTic(ccw)) {
                    more.add(new Chain(ccw.address(), reached));
                }
            }
            int directions = step.reach(reached);
            // A transfer back into the chain is skipped by the status modifier of the CCW before it.
            boolean back = ccw.isTic() && ccw.address() >= chain.head && ccw.address() <= address;
            if (!ccw.has(Ccw.CC | Ccw.CD) && !back) {
                return;
            }
            // By command as well: the status modifier can have skipped this one.
            reached = Step.BY_COMMAND | (ccw.has(Ccw.CD) ? directions : 0);
            address += Ccw.SIZE;
        }
    }

    private Step copy(long address) throws ErrnoException {
        Step known = steps.get(address);
        if (known != null) {
            return known;
        }
        if (address < wordsAt || address >= wordsAt + words.byteSize()) {
            words = ChannelPins.copy(
                    memory, address, Math.min(CHUNK, DmaAccess.PAGE_SIZE - ChannelPins.offset(address)));
            wordsAt = address;
        }
        long offset = address - wordsAt;
        Ccw ccw = orb.has(Orb.FMT) ? Ccw.readFormat1(words, offset) : Ccw.readFormat0(words, offset);
        if (ccw.has(Ccw.IDA) && (!orb.has(Orb.C64) || orb.has(Orb.I2K))) {
            throw new ErrnoException(Errno.EOPNOTSUPP, "the IDAWs are not of format 2 with blocks of 4 KiB");
        }
        var step = new Step(address, ccw, false);
        steps.put(address, step);
        return step;
    }

    /** {@code cp_prefetch()}: copies the IDAWs and pins the data. Pairs with {@link #close()}, also if it throws. */
    void prefetch() throws ErrnoException {
        for (Step step : steps.values()) {
            if (!step.ccw().isTic() && step.movesData() && rules.designatesData(step.ccw())) {
                prefetch(step);
            }
        }
    }

    private void prefetch(Step step) throws ErrnoException {
        Ccw ccw = step.ccw();
        if (ccw.has(Ccw.IDA) && step.idaws().length == 0) {
            if (!isIdawAddress(ccw)) {
                return; // without pages, the first access is a program check
            }
            step.idaws(fetchIdaws(ccw));
        }
        long[] frames = step.frames(rules.limit());
        pages += frames.length;
        if (pages > MAX_PAGES) {
            throw new ErrnoException(Errno.ENOMEM, "the program has more than " + MAX_PAGES + " pages of data");
        }
        step.pin(memory, frames);
    }

    private long[] fetchIdaws(Ccw ccw) throws ErrnoException {
        long first = ChannelPins.copy(memory, ccw.address(), IDAW_SIZE).get(BigEndian.LONG, 0);
        int count = Step.blocks(first, ccw.count());
        long[] list = ChannelPins.copy(memory, ccw.address(), count * IDAW_SIZE).toArray(BigEndian.LONG);
        list[0] = first; // the user may have changed it since
        return list;
    }

    private static boolean isIdawAddress(Ccw ccw) {
        return (ccw.cda() & IDAW_SIZE - 1) == 0;
    }

    Rules rules() {
        return rules;
    }

    @Nullable
    Step at(long address) {
        return steps.get(address);
    }

    void add(Step step) {
        steps.put(step.address(), step);
    }

    Iterable<Step> steps() {
        return steps.values();
    }

    boolean pins(long iova, long size) {
        if (size == 0) {
            return false;
        }
        long first = ChannelPins.pfn(iova);
        long last = ChannelPins.pfn(iova + size - 1);
        return steps.values().stream().anyMatch(step -> step.pins(first, last));
    }

    void close() {
        if (!closed) {
            closed = true;
            steps.values().forEach(step -> step.unpin(memory));
        }
    }
}
