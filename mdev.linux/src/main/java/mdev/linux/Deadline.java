package mdev.linux;

import java.time.Duration;

/**
 * A point in time that a wait ends at, however often it is interrupted.
 *
 * @param nanos of {@link System#nanoTime}
 */
record Deadline(long nanos) {
    /** Far enough for ever, near enough not to overflow the difference of two times. */
    private static final Duration LONGEST = Duration.ofDays(36_500);

    static Deadline in(Duration timeout) {
        return new Deadline(System.nanoTime() + (timeout.compareTo(LONGEST) < 0 ? timeout : LONGEST).toNanos());
    }

    Duration left() {
        return Duration.ofNanos(nanos - System.nanoTime());
    }

    boolean isOver() {
        return nanos - System.nanoTime() <= 0;
    }

    /** What is left as poll(2) takes it: rounded up, so as not to wake before the time. */
    int milliseconds() {
        return Math.clamp((nanos - System.nanoTime() + 999_999) / 1_000_000, 0, Integer.MAX_VALUE);
    }
}
