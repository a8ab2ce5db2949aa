package vendor.ccwsim.subchannel;

import java.util.ArrayDeque;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import vendor.ccwsim.channel.Crw;

/** The channel reports that the user has not read. Thread-safe. */
final class CrwQueue {
    private static final int MOST = 16;

    private final ArrayDeque<Integer> words = new ArrayDeque<>();

    /** Appends a report; if the queue is full, marks the last one as followed by an overflow. */
    synchronized void add(Crw report) {
        if (words.size() == MOST) {
            words.addLast(words.removeLast() | Crw.OFLW << 28);
        } else {
            words.addLast(report.word());
        }
    }

    /** Removes the oldest report; 0 if there is none. */
    synchronized int remove() {
        Integer word = words.pollFirst();
        return word == null ? 0 : word;
    }

    synchronized boolean isEmpty() {
        return words.isEmpty();
    }

    synchronized void clear() {
        words.clear();
    }

    synchronized List<Integer> save() {
        return List.copyOf(words);
    }

    /** @throws ErrnoException EINVAL: not what {@link #save()} returns */
    synchronized void restore(List<?> saved) throws ErrnoException {
        if (saved.size() > MOST || !saved.stream().allMatch(Long.class::isInstance)) {
            throw new ErrnoException(Errno.EINVAL, "state: the channel reports are at most " + MOST + " numbers");
        }
        words.clear();
        saved.forEach(word -> words.addLast(((Long) word).intValue()));
    }
}
