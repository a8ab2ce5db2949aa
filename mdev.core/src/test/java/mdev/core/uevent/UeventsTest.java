package mdev.core.uevent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.LongStream;
import mdev.api.Uevent;
import mdev.core.SurefireLog;
import mdev.core.sysfs.Tree;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A listener that hangs: all waits for it are bounded. */
@Timeout(300)
class UeventsTest {
    private static final int BACKLOG = 8;

    private final Uevents uevents = new Uevents(new Tree(), BACKLOG);
    private final LinkedBlockingQueue<Uevent> heard = new LinkedBlockingQueue<>();
    private final CountDownLatch inside = new CountDownLatch(1);
    private final CountDownLatch go = new CountDownLatch(1);

    UeventsTest() {
        uevents.listen(event -> {
            inside.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            heard.add(event);
        });
    }

    private void emit(int count) {
        for (int i = 0; i < count; i++) {
            uevents.emit("change", "/devices/virtual/some", "some", Map.of(), Map.of());
        }
    }

    private List<Long> numbers(int count) throws InterruptedException {
        List<Long> numbers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            numbers.add(Long.valueOf(heard.take().env().get("SEQNUM")));
        }
        return numbers;
    }

    @Test
    void overflowIsCountedAndReported() throws InterruptedException {
        emit(1);
        inside.await();
        emit(BACKLOG + 5);
        go.countDown();
        assertEquals(LongStream.rangeClosed(1, 1 + BACKLOG).boxed().toList(), numbers(1 + BACKLOG));
        emit(1);
        assertEquals(List.of(15L), numbers(1), "SEQNUM shows the gap");
        assertEquals(
                1,
                SurefireLog.lines("uevents are lost from SEQNUM 10 on: 8 events wait")
                        .size());
        assertEquals(1, SurefireLog.lines("5 uevents were lost").size());
        uevents.close();
    }

    @Test
    void failingListenerFillsNoLog() throws InterruptedException {
        Uevents many = new Uevents(new Tree());
        CountDownLatch told = new CountDownLatch(1000);
        many.listen(_ -> {
            told.countDown();
            throw new LinkageError("the uevent listener that fills no log");
        });
        for (int i = 0; i < 1000; i++) {
            many.emit("change", "/devices/virtual/some", "some", Map.of(), Map.of());
        }
        told.await();
        many.close();
        int lines = SurefireLog.lines("the uevent listener that fills no log").size();
        assertTrue(lines > 0 && lines < 100, lines + " lines");
    }

    /** Even if the queue has no room for the end marker. */
    @Test
    void closeEndsTheDeliveryWithABacklog() throws InterruptedException {
        emit(1);
        inside.await();
        emit(BACKLOG);
        uevents.close();
        go.countDown();
        assertEquals(List.of(1L, 3L), numbers(2));
    }
}
