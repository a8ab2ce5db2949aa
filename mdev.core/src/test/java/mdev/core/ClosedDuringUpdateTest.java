package mdev.core;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.LiveUpdate;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.core.slot.ForeignBundle;
import mdev.core.slot.VendorSlot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The core is closed, as by rmmod or at the end of the platform, while another thread works on an update. */
@Timeout(120)
final class ClosedDuringUpdateTest {
    private static final long BUNDLE = 7;
    private static final int DEVICES = 3;
    private static final String PARENT = "/sys/devices/virtual/counter/counter0";

    private final Rig rig = new Rig();
    private final CompletableFuture<Thread> closer = new CompletableFuture<>();
    private final AtomicInteger calls = new AtomicInteger();
    private Runnable stop = () -> {};

    /** The calls of an update. */
    enum Call {
        STOP,
        SAVE,
        REMOVE,
        CREATE,
        RESTORE,
        RESUME;

        void hook(TestCounter one, TestCounter two, TestCounter.Step step) {
            switch (this) {
                case STOP -> one.inStop = step;
                case SAVE -> one.inSave = step;
                case REMOVE -> one.inRemove = step;
                case CREATE -> two.inCreate = step;
                case RESTORE -> two.inRestore = step;
                case RESUME -> two.inResume = step;
            }
        }
    }

    static Stream<Arguments> moments() {
        return Arrays.stream(Call.values())
                .flatMap(call -> IntStream.rangeClosed(1, DEVICES).mapToObj(nth -> arguments(call, nth)));
    }

    @ParameterizedTest(name = "in {0} of device {1}")
    @MethodSource("moments")
    void closeLeavesNothingOfAnUpdate(Call call, int nth) throws Exception {
        TestCounter one = new TestCounter("1.0.0");
        TestCounter two = new TestCounter("2.0.0");
        start(one, "1.0.0");
        for (int i = 0; i < DEVICES; i++) {
            rig.write(PARENT + "/mdev_supported_types/counter-a/create", new UUID(0, i).toString());
        }
        call.hook(one, two, _ -> {
            if (calls.incrementAndGet() == nth) {
                closer.complete(Thread.ofPlatform().daemon().start(rig.core::close));
                Rig.await(ClosedDuringUpdateTest::isUnloading);
            }
        });

        CompletableFuture<Errno> outcome = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> {
            try (LiveUpdate update = rig.core.update(BUNDLE, Set.of())) {
                stop.run();
                start(two, "2.0.0");
                update.complete();
                outcome.completeExceptionally(new AssertionError("the update is complete"));
            } catch (ErrnoException e) {
                outcome.complete(e.errno());
            } catch (Throwable t) {
                outcome.completeExceptionally(t);
            }
        });

        assertEquals(Errno.ENODEV, outcome.get());
        assertTrue(closer.get().join(Rig.LONG));
        stop.run();
        assertAll(
                () -> assertEquals(Set.of(), one.cards.keySet()),
                () -> assertEquals(Set.of(), two.cards.keySet()),
                () -> assertEquals(List.of(), List.copyOf(rig.core.devices())),
                () -> assertFalse(rig.exists(PARENT)));
    }

    /** Neither a region access nor an ioctl is prevented by a shut gate. */
    @Test
    void accessReachesNoDeviceThatIsStopped() throws Exception {
        TestCounter one = new TestCounter("1.0.0");
        TestCounter two = new TestCounter("2.0.0");
        two.inResume = _ -> {
            throw new ErrnoException(Errno.EINVAL);
        };
        start(one, "1.0.0");
        UUID uuid = new UUID(0, 0);
        rig.write(PARENT + "/mdev_supported_types/counter-a/create", uuid.toString());
        VendorSlot slot = rig.device(uuid).slot();
        List<DeviceOps> reached = Collections.synchronizedList(new ArrayList<>());
        Thread user;
        try (LiveUpdate update = rig.core.update(BUNDLE, Set.of())) {
            stop.run();
            start(two, "2.0.0");
            assertThrows(ErrnoException.class, update::complete);
            user = Thread.ofPlatform().daemon().start(() -> access(slot, reached));
            Rig.await(() -> user.getState() != Thread.State.RUNNABLE);
        }
        assertTrue(user.join(Rig.LONG));
        assertEquals(List.of(NoDevice.INSTANCE), reached);
        assertEquals(Set.of(), two.cards.keySet());
        stop.run();
    }

    private static void access(VendorSlot slot, List<DeviceOps> reached) {
        try {
            slot.enter();
            reached.add(slot.ops());
            slot.leave();
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    private void start(TestCounter counter, String version) throws ErrnoException {
        Module module = rig.core.module(new ForeignBundle("vendor.counter", version, BUNDLE));
        stop = module::close;
        Registration registration = module.registerDevice(TestCounter.DEVICE, counter);
        stop = () -> {
            registration.close();
            module.close();
        };
    }

    /** Whether the module waits for something while the core closes it. */
    private static boolean isUnloading() {
        return Thread.getAllStackTraces().entrySet().stream()
                .anyMatch(thread -> thread.getKey().getState() != Thread.State.RUNNABLE && isInClose(thread));
    }

    private static boolean isInClose(Map.Entry<Thread, StackTraceElement[]> thread) {
        return thread.getKey().getName().startsWith("unload of a module")
                && Arrays.stream(thread.getValue())
                        .anyMatch(frame -> frame.getClassName().equals(ModuleUpdate.class.getName())
                                && frame.getMethodName().equals("close"));
    }
}
