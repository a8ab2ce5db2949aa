package mdev.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The limits are configurable and can change while the core runs. */
final class LimitsTest {
    private static final UUID ONE = UUID.randomUUID();

    @Test
    void changeAppliesToTheNextRemoval() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        mtty.inRemove = _ -> LifeCycleTest.await(go);
        try (Rig rig = new Rig(Limits.within(Duration.ofDays(1), Rig.LONG))) {
            rig.load(mtty);
            rig.create("mtty-1", ONE);
            rig.core.limit(Limits.within(Duration.ofMillis(200), Rig.LONG));
            var removal = LifeCycleTest.start(() -> rig.remove(ONE));
            removal.get(Rig.LONG.toSeconds(), TimeUnit.SECONDS);
            assertEquals(1, rig.core.devices().size(), "left behind by a removal that did not wait for a day");
            go.countDown();
            Rig.await(() -> rig.core.devices().isEmpty());
        }
    }
}
