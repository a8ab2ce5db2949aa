package vendor.ccwsim.subchannel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.VfioCcw;
import mdev.api.vfio.VfioContext;
import mdev.device.Region;
import org.jspecify.annotations.Nullable;
import vendor.ccwsim.channel.Crw;

/**
 * {@code struct ccw_crw_region}: each read returns and removes the oldest channel report that the user has not read.
 * Thread-safe.
 */
final class CrwRegion implements Region {
    static final int SIZE = 8;

    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int MOST = 16;

    private final ArrayDeque<Integer> words = new ArrayDeque<>();
    private @Nullable VfioContext user;

    /**
     * Queues a report; if the queue is full, marks the last one as followed by an overflow. Without a user, drops it:
     * the next user reads which paths there are.
     */
    synchronized void add(Crw report) {
        if (user == null) {
            return;
        }
        words.addLast(words.size() == MOST ? words.removeLast() | Crw.OFLW << 28 : report.word());
        signal(user);
    }

    @Override
    public synchronized void read(long offset, MemorySegment data, long dataOffset, int length) {
        Integer word = words.pollFirst();
        MemorySegment block = MemorySegment.ofArray(new byte[SIZE]);
        block.set(WORD, 0, word == null ? 0 : word);
        MemorySegment.copy(block, offset, data, dataOffset, length);
        if (user != null && !words.isEmpty()) {
            signal(user);
        }
    }

    private static void signal(VfioContext user) {
        user.trigger(VfioCcw.CRW_IRQ, 0);
    }

    @Override
    public boolean writable() {
        return false;
    }

    @Override
    public void write(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        throw new ErrnoException(Errno.EINVAL);
    }

    @Override
    public synchronized void open(VfioContext context) {
        user = context;
    }

    @Override
    public synchronized void release() {
        user = null;
        words.clear();
    }

    @Override
    public synchronized DeviceState save() {
        return DeviceState.version(1).with("words", List.copyOf(words));
    }

    @Override
    public synchronized void restore(DeviceState state) throws ErrnoException {
        List<?> saved = state.list("words");
        if (saved.size() > MOST || !saved.stream().allMatch(Long.class::isInstance)) {
            throw new ErrnoException(Errno.EINVAL, "state: the channel reports are at most " + MOST + " numbers");
        }
        words.clear();
        saved.forEach(word -> words.addLast(((Long) word).intValue()));
    }
}
