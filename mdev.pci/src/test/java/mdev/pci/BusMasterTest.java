package mdev.pci;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioNotifier;
import mdev.api.vfio.VfioPci;
import mdev.device.Registers;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Bus Master Enable (PCI Local Bus 3.0, 6.2.2): without it a function reaches no memory. Messages are in {@link
 * MessagesTest}.
 */
class BusMasterTest {
    private static final String ON = "0400";
    private static final String OFF = "0000";
    private static final MemorySegment DATA = MemorySegment.ofArray(new byte[8]);

    /** A BAR whose device remembers how it reaches the user, and what it is told. */
    private static final class Engine implements Registers, BusMasterRegion {
        final List<Boolean> told = new ArrayList<>();

        @Nullable
        VfioContext user;

        VfioContext user() {
            return Objects.requireNonNull(user, "not open");
        }

        @Override
        public void open(VfioContext context) {
            user = context;
        }

        @Override
        public void busMaster(boolean enabled) {
            told.add(enabled);
        }

        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {}
    }

    /** A user who notes which of his calls were reached. */
    private static class User implements VfioContext {
        final List<String> calls = new ArrayList<>();

        @Override
        public void dmaRead(long iova, MemorySegment data, long offset, long length) {
            calls.add("dmaRead");
        }

        @Override
        public void dmaWrite(long iova, MemorySegment data, long offset, long length) {
            calls.add("dmaWrite");
        }

        @Override
        public List<PinnedPage> pinPages(long[] userPfn, int prot) {
            calls.add("pinPages");
            return List.of();
        }

        @Override
        public int unpinPages(long[] userPfn) {
            calls.add("unpinPages");
            return 0;
        }

        @Override
        public DmaRange mapRange(long iova, long length, int prot) throws ErrnoException {
            calls.add("mapRange");
            throw new ErrnoException(Errno.EFAULT);
        }

        @Override
        public void registerNotifier(VfioNotifier notifier) {
            calls.add("registerNotifier");
        }

        @Override
        public void unregisterNotifier(VfioNotifier notifier) {
            calls.add("unregisterNotifier");
        }

        @Override
        public MemorySegment regionMemory(int region, long size) {
            calls.add("regionMemory");
            return DATA;
        }

        @Override
        public void clearRegionMemory(int region) {
            calls.add("clearRegionMemory");
        }

        @Override
        public boolean armed(int index, int vector) {
            return false;
        }

        @Override
        public void trigger(int index, int vector) {
            calls.add("trigger");
        }

        @Override
        public void setIntx(boolean high) {}
    }

    private static final PciFunction FUNCTION =
            PciFunction.of(1, 2).busMaster().bar(Bar.memory(0, 4096)).build();

    private final Engine engine = new Engine();
    private final TestDevice device = new TestDevice(FUNCTION, interrupts -> List.of(engine));
    private final User user = new User();

    @FunctionalInterface
    interface Access {
        void by(VfioContext user) throws ErrnoException;
    }

    private static Arguments access(String name, Access access) {
        return Arguments.of(name, access);
    }

    static Stream<Arguments> toMemory() {
        return Stream.of(
                access("dmaRead", user -> user.dmaRead(0, DATA, 0, 8)),
                access("dmaWrite", user -> user.dmaWrite(0, DATA, 0, 8)),
                access("pinPages", user -> user.pinPages(new long[1], VfioContext.IOMMU_READ)),
                access("mapRange", user -> user.mapRange(0, 8, VfioContext.IOMMU_READ)));
    }

    @Test
    void stoppedDeviceTellsItsRegionsWhenItIsResumed() throws ErrnoException {
        device.open(user);
        command(ON);
        device.stop();
        command(OFF);
        command(ON);
        command(OFF);
        assertFalse(device.busMaster());
        assertEquals(List.of(true), engine.told);
        device.resume();
        assertEquals(List.of(true, false), engine.told);
        device.restore(device.save());
        command(ON);
        assertEquals(List.of(true, false), engine.told);
        device.resume();
        assertEquals(List.of(true, false, true), engine.told);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("toMemory")
    void memoryIsAccessibleOnlyWhileTheBitIsSet(String name, Access access) throws ErrnoException {
        device.open(user);
        for (Runnable change : List.<Runnable>of(() -> {}, () -> command(OFF), this::reset)) {
            change.run();
            assertFalse(device.busMaster());
            assertEquals(
                    Errno.EACCES,
                    assertThrows(ErrnoException.class, () -> access.by(engine.user()))
                            .errno());
            assertEquals(List.of(), user.calls, "what reached the user");
            command(ON);
            assertTrue(device.busMaster());
            reach(access);
            assertEquals(List.of(name), user.calls);
            user.calls.clear();
        }
    }

    private void reach(Access access) {
        try {
            access.by(engine.user());
        } catch (ErrnoException e) {
            assertEquals(Errno.EFAULT, e.errno(), "the user's own answer");
        }
    }

    private void command(String value) {
        assertDoesNotThrow(() -> device.config(Header.COMMAND, value));
    }

    private void reset() {
        assertDoesNotThrow(() -> device.ioctl(new Reset()));
    }

    static Stream<Arguments> toTheFramework() {
        return Stream.of(
                access("unpinPages", user -> user.unpinPages(new long[1])),
                access("registerNotifier", user -> user.registerNotifier((VfioNotifier.DmaUnmap) (iova, size) -> {})),
                access(
                        "unregisterNotifier",
                        user -> user.unregisterNotifier((VfioNotifier.DmaUnmap) (iova, size) -> {})),
                access("regionMemory", user -> user.regionMemory(0, 8)),
                access("clearRegionMemory", user -> user.clearRegionMemory(0)),
                access("trigger", user -> user.trigger(VfioPci.ERR_IRQ, 0)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("toTheFramework")
    void callsWithoutMemoryAccessNeedNoBit(String name, Access access) throws ErrnoException {
        device.open(user);
        access.by(engine.user());
        assertEquals(List.of(name), user.calls);
    }

    /** A call that the toolkit does not hand on would answer ENOTTY, without anybody having decided it. */
    @Test
    void everyCallIsForwarded() {
        Set<String> own = Arrays.stream(BusMasterContext.class.getDeclaredMethods())
                .map(method -> method.getName() + Arrays.toString(method.getParameterTypes()))
                .collect(Collectors.toSet());
        assertEquals(
                Set.of(),
                Arrays.stream(VfioContext.class.getMethods())
                        .map(method -> method.getName() + Arrays.toString(method.getParameterTypes()))
                        .filter(method -> !own.contains(method))
                        .collect(Collectors.toSet()));
    }

    @Test
    void functionWithoutDmaHasNone() throws ErrnoException {
        var silent =
                new TestDevice(PciFunction.of(1, 2).bar(Bar.memory(0, 4096)).build(), interrupts -> List.of(engine));
        silent.open(user);
        silent.config(Header.COMMAND, "ffff");
        assertFalse(silent.busMaster());
        assertThrows(ErrnoException.class, () -> engine.user().dmaRead(0, DATA, 0, 8));
    }

    @Test
    void regionsAreNotifiedOfEachChange() {
        command("0000");
        command("0400");
        command("0400");
        command("0600");
        command("0200");
        command("0400");
        reset();
        reset();
        assertEquals(List.of(true, false, true, false), engine.told);
    }

    /**
     * A guest that quiesces by the bit (kexec) is not written to any more: the write of COMMAND ends after the access
     * under way.
     */
    @Test
    void clearingTheBitWaitsForTheRunningAccess() throws Exception {
        var inside = new CountDownLatch(1);
        var slow = new User() {
            @Override
            public void dmaWrite(long iova, MemorySegment data, long offset, long length) {
                inside.countDown();
                while (device.busMaster()) {
                    Thread.onSpinWait();
                }
                super.dmaWrite(iova, data, offset, length);
            }
        };
        device.open(slow);
        command(ON);
        try (var thread = Executors.newSingleThreadExecutor()) {
            var writing = thread.submit(() -> {
                engine.user().dmaWrite(0, DATA, 0, 8);
                return null;
            });
            awaitLatch(inside);
            command(OFF);
            assertEquals(List.of("dmaWrite"), List.copyOf(slow.calls));
            writing.get();
        }
    }

    private static void awaitLatch(CountDownLatch latch) {
        assertTrue(assertDoesNotThrow(() -> latch.await(60, TimeUnit.SECONDS)), "in time");
    }

    /**
     * An access that does not end (its owner must answer it, and waits for us) holds the write up, but not for ever.
     */
    @Test
    void clearingTheBitHasADeadline() throws Exception {
        var inside = new CountDownLatch(1);
        var goOn = new CountDownLatch(1);
        var stuck = new User() {
            @Override
            public void dmaRead(long iova, MemorySegment data, long offset, long length) {
                inside.countDown();
                awaitLatch(goOn);
            }
        };
        device.open(stuck);
        command(ON);
        try (var thread = Executors.newSingleThreadExecutor()) {
            var reading = thread.submit(() -> {
                engine.user().dmaRead(0, DATA, 0, 8);
                return null;
            });
            awaitLatch(inside);
            command(OFF);
            assertFalse(reading.isDone());
            goOn.countDown();
            reading.get();
        }
    }
}
