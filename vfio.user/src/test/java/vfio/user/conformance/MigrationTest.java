package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Migrating.ERROR;
import static vfio.user.conformance.Migrating.MIGRATION;
import static vfio.user.conformance.Migrating.MIG_DATA_SIZE;
import static vfio.user.conformance.Migrating.MIG_DEVICE_STATE;
import static vfio.user.conformance.Migrating.PRE_COPY_P2P;
import static vfio.user.conformance.Migrating.RESUMING;
import static vfio.user.conformance.Migrating.RUNNING;
import static vfio.user.conformance.Migrating.STOP;
import static vfio.user.conformance.Migrating.STOP_COPY;
import static vfio.user.conformance.Requests.GET;
import static vfio.user.conformance.Requests.PROBE;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Requests.SET;
import static vfio.user.conformance.Rig.PAGE;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import java.util.function.IntSupplier;
import java.util.stream.Stream;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.VfioPci;
import mdev.core.slot.VendorSlot;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.sync.Deadline;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import vfio.mdev.TestPlatform;

/** Migration (libvfio-user's test_migration.py, and the rules of {@code include/uapi/linux/vfio.h}). */
final class MigrationTest {
    private static final long IOVA = 0x10_0000;
    private static final int BAR0 = 0;

    /** A case with a card that can be migrated. */
    @FunctionalInterface
    private interface Case {
        void run(Rig rig, StatefulCard card, Migrating user) throws Exception;
    }

    private static void run(Case test) throws Exception {
        StatefulCard card = new StatefulCard();
        try (Rig rig = new Rig(card)) {
            test.run(rig, card, new Migrating(rig.client()));
            assertEquals(0, card.violations.get(), "calls of a stopped card");
        }
    }

    private static Stream<DynamicTest> all(Map<String, Case> cases) {
        return cases.entrySet().stream()
                .map(each -> DynamicTest.dynamicTest(each.getKey(), () -> run(each.getValue())));
    }

    @TestFactory
    Stream<DynamicTest> devicesWithoutStateHaveNoMigration() {
        Cases cases = new Cases();
        for (int feature : new int[] {MIGRATION, MIG_DEVICE_STATE, MIG_DATA_SIZE}) {
            for (int operation : new int[] {PROBE, GET, PROBE | GET}) {
                cases.refused(
                        "feature " + feature + " by 0x" + Integer.toHexString(operation),
                        Errno.ENOTTY,
                        Commands.FEATURE,
                        Requests.feature(16, operation | feature));
            }
        }
        cases.refused("a state", Errno.ENOTTY, Commands.FEATURE, Migrating.setState(STOP));
        cases.refused("a read", Errno.ENOTTY, Commands.MIG_DATA_READ, Migrating.dataRead(16, 8));
        cases.refused("a write", Errno.ENOTTY, Commands.MIG_DATA_WRITE, Migrating.dataWrite((byte) 1));
        return cases.run();
    }

    @TestFactory
    Stream<DynamicTest> refusals() {
        Map<String, Case> cases = new TreeMap<>();
        feature(cases, "SET of MIGRATION", Requests.feature(16, SET | MIGRATION).u64(1));
        feature(
                cases,
                "SET of MIG_DATA_SIZE",
                Requests.feature(16, SET | MIG_DATA_SIZE).u64(1));
        feature(cases, "a probe for SET of MIGRATION", Requests.feature(8, PROBE | SET | MIGRATION));
        feature(
                cases,
                "GET and SET",
                Requests.feature(16, GET | SET | MIG_DEVICE_STATE).u64(1));
        for (int feature : new int[] {MIGRATION, MIG_DEVICE_STATE, MIG_DATA_SIZE}) {
            feature(
                    cases,
                    "GET of " + feature + " with argsz 15",
                    Requests.feature(15, GET | feature).u64(0));
        }
        feature(
                cases,
                "SET with argsz 15",
                Requests.feature(15, SET | MIG_DEVICE_STATE).u32(STOP).u32(-1));
        feature(cases, "SET of 15 bytes", Migrating.setState(STOP).cut(15));
        feature(cases, "SET without data", Requests.feature(16, SET | MIG_DEVICE_STATE));
        for (int state : new int[] {0, 5, 6, 7, 8, 9, 0x7fff_ffff, -1}) {
            feature(cases, "SET to state " + state, Migrating.setState(state));
        }
        for (int state : new int[] {STOP, RUNNING, STOP_COPY, RESUMING}) {
            if (state != STOP_COPY) {
                data(cases, "a read in state " + state, state, Commands.MIG_DATA_READ, Migrating.dataRead(16, 8));
                data(cases, "a read of 0 in state " + state, state, Commands.MIG_DATA_READ, Migrating.dataRead(8, 0));
            }
            if (state != RESUMING) {
                data(cases, "a write in state " + state, state, Commands.MIG_DATA_WRITE, Migrating.dataWrite((byte) 1));
                data(cases, "a write of 0 in state " + state, state, Commands.MIG_DATA_WRITE, Migrating.dataWrite());
            }
        }
        data(
                cases,
                "a read of 7 bytes",
                STOP_COPY,
                Commands.MIG_DATA_READ,
                Migrating.dataRead(16, 8).cut(7));
        data(cases, "a read with argsz 15", STOP_COPY, Commands.MIG_DATA_READ, Migrating.dataRead(15, 8));
        data(cases, "a read with argsz 0", STOP_COPY, Commands.MIG_DATA_READ, Migrating.dataRead(0, 8));
        data(cases, "a read too long", STOP_COPY, Commands.MIG_DATA_READ, Migrating.dataRead(-1, (1 << 20) + 1));
        data(cases, "a read of 2^32-1", STOP_COPY, Commands.MIG_DATA_READ, Migrating.dataRead(-1, -1));
        data(
                cases,
                "a write with argsz 8",
                RESUMING,
                Commands.MIG_DATA_WRITE,
                Migrating.dataRead(8, 1).bytes((byte) 1));
        data(
                cases,
                "a write with fewer data",
                RESUMING,
                Commands.MIG_DATA_WRITE,
                Migrating.dataRead(10, 2).bytes((byte) 1));
        data(
                cases,
                "a write with more data",
                RESUMING,
                Commands.MIG_DATA_WRITE,
                Migrating.dataRead(10, 1).zeroes(2));
        data(
                cases,
                "a write of 7 bytes",
                RESUMING,
                Commands.MIG_DATA_WRITE,
                Migrating.dataWrite((byte) 1).cut(7));
        data(cases, "a write of 2^32-1", RESUMING, Commands.MIG_DATA_WRITE, Migrating.dataRead(-1, -1));
        return all(cases);
    }

    private static void feature(Map<String, Case> cases, String name, Payload payload) {
        cases.put(name, (_, card, user) -> {
            user.client().refused(Errno.EINVAL, Commands.FEATURE, payload);
            assertEquals(RUNNING, user.state());
            assertEquals(List.of(), card.took());
        });
    }

    private static void data(Map<String, Case> cases, String name, int state, int command, Payload payload) {
        cases.put(name, (_, _, user) -> {
            user.set(state);
            user.client().refused(Errno.EINVAL, command, payload);
            assertEquals(state, user.state());
        });
    }

    @Test
    void descriptorsAreRefused() throws Exception {
        run((rig, _, user) -> {
            Fd fd = rig.memory(PAGE);
            user.client().refused(Errno.EINVAL, Commands.FEATURE, Migrating.setState(STOP), fd);
            user.set(STOP_COPY);
            user.client().refused(Errno.EINVAL, Commands.MIG_DATA_READ, Migrating.dataRead(16, 8), fd);
            user.set(RESUMING);
            user.client().refused(Errno.EINVAL, Commands.MIG_DATA_WRITE, Migrating.dataWrite((byte) 1), fd);
        });
    }

    @Test
    void featuresAreProbedAndQueried() throws Exception {
        run((_, _, user) -> {
            Client client = user.client();
            for (int flags : new int[] {
                MIGRATION, GET | MIGRATION, MIG_DEVICE_STATE, GET | SET | MIG_DEVICE_STATE, GET | MIG_DATA_SIZE
            }) {
                Payload probe = Requests.feature(8, PROBE | flags);
                assertArrayEquals(
                        probe.toBytes(), client.ok(Commands.FEATURE, probe).bytes(0));
            }
            Message migration = client.ok(Commands.FEATURE, Requests.feature(16, GET | MIGRATION));
            assertEquals(16, migration.size());
            assertEquals(1, migration.u64(8), "STOP_COPY only");
            assertEquals(RUNNING, user.state());
            for (int state : new int[] {RUNNING, STOP, STOP_COPY, RESUMING}) {
                user.set(state);
                assertTrue(user.dataSize() > 0);
            }
        });
    }

    /** Every pair of states: what the driver is asked for, and the state afterwards. */
    @TestFactory
    Stream<DynamicTest> arcs() {
        Map<String, List<String>> calls = new TreeMap<>(Map.ofEntries(
                Map.entry("1 1", List.of()),
                Map.entry("1 2", List.of("resume")),
                Map.entry("1 3", List.of("save")),
                Map.entry("1 4", List.of("reset")),
                Map.entry("2 1", List.of("stop")),
                Map.entry("2 2", List.of()),
                Map.entry("2 3", List.of("stop", "save")),
                Map.entry("2 4", List.of("stop", "reset")),
                Map.entry("3 1", List.of()),
                Map.entry("3 2", List.of("resume")),
                Map.entry("3 3", List.of()),
                Map.entry("3 4", List.of("reset")),
                Map.entry("4 1", List.of("restore")),
                Map.entry("4 2", List.of("restore", "resume")),
                Map.entry("4 3", List.of("restore", "save")),
                Map.entry("4 4", List.of()),
                Map.entry("0 0", List.of())));
        Map<String, Case> cases = new TreeMap<>();
        for (int from = ERROR; from <= RESUMING; from++) {
            for (int to = ERROR; to <= PRE_COPY_P2P; to++) {
                int source = from;
                int target = to;
                String arc = from + " " + to;
                cases.put(arc, (_, card, user) -> {
                    byte[] stream = user.save();
                    enter(card, user, source, stream);
                    card.took();
                    if (calls.containsKey(arc)) {
                        user.set(target);
                    } else {
                        user.refused(Errno.EINVAL, target, source);
                    }
                    assertEquals(calls.getOrDefault(arc, List.of()), card.took());
                    if (source == STOP_COPY && target == STOP_COPY) {
                        assertArrayEquals(stream, user.readAll(() -> 100), "its stream goes on");
                    }
                });
            }
        }
        assertEquals(40, cases.size());
        return all(cases);
    }

    /** Brings a running device to a state; a resuming one has its complete stream then. */
    private static void enter(StatefulCard card, Migrating user, int state, byte[] stream) throws Exception {
        if (state == ERROR) {
            user.set(RESUMING);
            user.refused(Errno.EINVAL, STOP, ERROR);
            return;
        }
        user.set(state);
        if (state == RESUMING) {
            user.writeAll(stream, () -> 1 << 20);
        }
        assertTrue(card.violations.get() == 0);
    }

    @TestFactory
    Stream<DynamicTest> resetLeadsToRunning() {
        Map<String, Case> cases = new TreeMap<>();
        for (int from = ERROR; from <= RESUMING; from++) {
            int state = from;
            cases.put("from " + state, (_, card, user) -> {
                enter(card, user, state, user.save());
                card.took();
                user.client().ok(Commands.RESET, new Payload());
                assertEquals(RUNNING, user.state());
                assertEquals(state == RUNNING ? List.of("reset") : List.of("reset", "resume"), card.took());
                user.client().write(BAR0, 0, (byte) 1);
                assertEquals(1, user.client().read(BAR0, 0, 1)[0]);
            });
        }
        return all(cases);
    }

    private record Failing(int from, int to, int after, List<String> calls) {}

    @TestFactory
    Stream<DynamicTest> failuresOfTheDriverLeaveAState() {
        Map<String, Failing> table = new TreeMap<>(Map.of(
                "stop", new Failing(RUNNING, STOP_COPY, RUNNING, List.of("stop", "resume")),
                "save", new Failing(RUNNING, STOP_COPY, STOP, List.of("stop", "save")),
                "restore", new Failing(RESUMING, RUNNING, ERROR, List.of("restore")),
                "resume", new Failing(STOP, RUNNING, ERROR, List.of("resume")),
                "reset", new Failing(STOP, RESUMING, ERROR, List.of("reset"))));
        Map<String, Case> cases = new TreeMap<>();
        table.forEach((what, failing) -> {
            cases.put(what + " throws an errno", failing(what, failing, Errno.ENOSPC, () -> {
                throw new ErrnoException(Errno.ENOSPC);
            }));
            cases.put(what + " throws an exception", failing(what, failing, Errno.EIO, () -> {
                throw new IllegalStateException("on purpose");
            }));
        });
        return all(cases);
    }

    private static Case failing(String what, Failing failing, Errno errno, StatefulCard.Hook hook) {
        return (_, card, user) -> {
            enter(card, user, failing.from, user.save());
            card.took();
            hook(card, what, hook);
            user.refused(errno, failing.to, failing.after);
            assertEquals(failing.calls, card.took());
            hook(card, what, StatefulCard.NOTHING);
            if (failing.after == ERROR) {
                user.refused(Errno.EINVAL, RUNNING, ERROR);
                user.client().ok(Commands.RESET, new Payload());
            }
            user.set(RUNNING);
            user.client().write(BAR0, 0, (byte) 1);
        };
    }

    private static void hook(StatefulCard card, String what, StatefulCard.Hook hook) {
        switch (what) {
            case "stop" -> card.onStop = hook;
            case "save" -> card.onSave = hook;
            case "restore" -> card.onRestore = hook;
            case "resume" -> card.onResume = hook;
            default -> card.onReset = _ -> hook.run();
        }
    }

    /** Registers, configuration space and memory arrive, whatever the pieces in which the stream is moved. */
    @TestFactory
    Stream<DynamicTest> streamsMoveTheDevice() {
        Map<String, IntSupplier> sizes = new TreeMap<>(Map.of(
                "of a byte", () -> 1,
                "of 4096", () -> 4096,
                "of a MiB", () -> 1 << 20,
                "of many sizes", new Random(3).ints(1, 9000).iterator()::nextInt));
        Map<String, Case> cases = new TreeMap<>();
        sizes.forEach((name, size) -> cases.put("pieces " + name, (_, card, user) -> {
            Client source = user.client();
            source.write(BAR0, 0x10, (byte) 1, (byte) 2, (byte) 3);
            source.write(VfioPci.CONFIG_REGION, 4, (byte) 7);
            card.bar2().set(ValueLayout.JAVA_INT, 0x3000, 0x1234_5678);
            card.bar3().set(ValueLayout.JAVA_BYTE, Card.BAR3_SIZE - 1, (byte) 9);
            user.set(STOP_COPY);
            long estimate = user.dataSize();
            byte[] stream = user.readAll(size);
            assertTrue(stream.length <= estimate, stream.length + " bytes, estimated " + estimate);
            assertTrue(stream.length < 3 * PAGE + Card.BAR0_SIZE, "holes are not moved: " + stream.length);
            user.set(RUNNING);

            StatefulCard other = new StatefulCard();
            try (Rig there = new Rig(other)) {
                Migrating destination = new Migrating(there.client());
                other.bar2().fill((byte) 0x55);
                destination.client().write(BAR0, 0, (byte) 0x55);
                destination.set(RESUMING);
                destination.writeAll(stream, size);
                destination.set(RUNNING);
                assertArrayEquals(new byte[] {1, 2, 3}, destination.client().read(BAR0, 0x10, 3));
                assertEquals(0, destination.client().read(BAR0, 0, 1)[0], "what was there before");
                assertEquals(7, destination.client().read(VfioPci.CONFIG_REGION, 4, 1)[0]);
                assertEquals(-1, card.bar2().mismatch(other.bar2()));
                assertEquals(-1, card.bar3().mismatch(other.bar3()));
                assertEquals(0, other.violations.get());
            }
        }));
        return all(cases);
    }

    @Test
    void stoppedDevicesAreReachedByConfigurationOnly() throws Exception {
        run((rig, card, user) -> {
            Client client = user.client();
            EventFd event = rig.eventFd();
            for (int state : new int[] {STOP, STOP_COPY, RESUMING}) {
                user.set(state);
                int accesses = card.accesses.get();
                for (int region : new int[] {0, 1, 2, 3, 4}) {
                    client.refused(Errno.EBUSY, Commands.REGION_READ, Requests.read(region, 0, 4));
                    client.refused(Errno.EBUSY, Commands.REGION_WRITE, Requests.write(region, 0, new byte[4]));
                }
                assertEquals(accesses, card.accesses.get(), "the driver is not called");
                client.write(VfioPci.CONFIG_REGION, 8, (byte) state);
                assertEquals(state, client.read(VfioPci.CONFIG_REGION, 8, 1)[0]);
                client.ok(Commands.GET_REGION_INFO, Requests.regionInfo(32, 0)).closeFds();
                client.ok(Commands.GET_IRQ_INFO, Requests.irqInfo(16, VfioPci.MSIX_IRQ));
                client.ok(
                        Commands.SET_IRQS,
                        Requests.setIrqs(Requests.EVENTFD | Requests.TRIGGER, VfioPci.MSIX_IRQ, 0, 1),
                        event.fd());
                user.client().ok(Commands.RESET, new Payload());
            }
            client.write(BAR0, 0, (byte) 1);
        });
    }

    @Test
    void stoppedDevicesDoNoDmaAndRaiseNoInterrupt() throws Exception {
        run((rig, card, user) -> {
            Client client = user.client();
            EventFd event = rig.eventFd();
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, PAGE), rig.memory(PAGE));
            client.ok(
                    Commands.SET_IRQS,
                    Requests.setIrqs(Requests.EVENTFD | Requests.TRIGGER, VfioPci.MSI_IRQ, 0, 1),
                    event.fd());
            card.onStop = () -> Dma.write(card.context(), IOVA, (byte) 1); // what it completes before it is stopped
            for (int state : new int[] {STOP, STOP_COPY, RESUMING}) {
                user.set(state);
                assertEquals("EBUSY", Dma.errno(() -> Dma.read(card.context(), IOVA, 1)));
                assertEquals("EBUSY", Dma.errno(() -> Dma.write(card.context(), IOVA, (byte) 1)));
                card.context().trigger(VfioPci.MSI_IRQ, 0);
                card.context().setIntx(true);
                assertEquals(false, event.take(), "an interrupt of a stopped device");
            }
            client.ok(Commands.RESET, new Payload());
            assertEquals("ok", Dma.errno(() -> Dma.write(card.context(), IOVA, (byte) 1)));
            card.context().trigger(VfioPci.MSI_IRQ, 0);
            assertEquals(true, event.take());
        });
    }

    @Test
    void logHasWhatTheDeviceWroteUntilItStopped() throws Exception {
        run((rig, card, user) -> {
            Client client = user.client();
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, 16 * PAGE), rig.memory(16 * PAGE));
            FeatureTest.startLogging(client, PAGE);
            Dma.write(card.context(), IOVA, (byte) 1);
            card.onStop = () -> Dma.write(card.context(), IOVA + 3 * PAGE, (byte) 1);
            user.set(STOP_COPY);
            Dma.errno(() -> Dma.write(card.context(), IOVA + 5 * PAGE, (byte) 1));
            assertEquals(0b1001, FeatureTest.bitmap(client, PAGE));
            assertEquals(0, FeatureTest.bitmap(client, PAGE));
        });
    }

    /** The stop waits for a thread of the device, and that for the client. */
    private static FutureTask<String> stopsAfterARead(StatefulCard card) {
        FutureTask<String> read = Dma.start(() -> Dma.errno(() -> Dma.read(card.context(), DmaPeer.ADDRESS, 8)));
        card.onStop = () -> {
            try {
                Dma.get(read);
            } catch (Exception e) {
                throw new ErrnoException(Errno.ETIMEDOUT, e.toString());
            }
        };
        return read;
    }

    @Test
    void stopEndsARequestThatTheConnectionCannotAnswer() throws Exception {
        run((_, card, user) -> {
            Client client = user.client();
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, DmaPeer.ADDRESS, PAGE));
            FutureTask<String> read = stopsAfterARead(card);
            new DmaPeer(client, DmaPeer.Kind.SPECIFICATION, new byte[PAGE]).next();
            user.set(STOP);
            assertEquals("EIO", Dma.get(read));
        });
    }

    @Test
    void stopWaitsForARequestOnTheTwinSocket() throws Exception {
        StatefulCard card = new StatefulCard();
        try (Rig rig = new Rig(card)) {
            Client client = rig.connect();
            Client twin = DmaTwinTest.twin(rig, client);
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, DmaPeer.ADDRESS, PAGE));
            FutureTask<String> read = stopsAfterARead(card);
            DmaPeer peer = new DmaPeer(twin, DmaPeer.Kind.SPECIFICATION, new byte[PAGE]);
            int id = client.send(Commands.FEATURE, Migrating.setState(STOP));
            peer.answer(1);
            client.receive().requireOk(id, Commands.FEATURE);
            assertEquals("ok", Dma.get(read));
        }
    }

    /** A doorbell that was rung before the stop is a part of the state; one that is rung later waits for the resume. */
    @Test
    void doorbellsAreWritesBeforeTheStopOrAfterTheResume() throws Exception {
        run((rig, card, user) -> {
            Message answer = user.client().ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(4096, 0, 1, 0));
            answer.fds().forEach(rig::owned);
            List<String> seen = new ArrayList<>();
            card.onStop = () -> card.rung.drainTo(seen);
            for (int round = 0; round < 50; round++) {
                RegionIoFdsTest.signal(answer.fds().get(1));
                user.set(STOP);
                assertEquals(List.of("16=0000000000000000"), seen, "rung before the stop");
                seen.clear();
                RegionIoFdsTest.signal(answer.fds().get(0));
                user.set(STOP_COPY);
                assertEquals(null, card.rung.peek(), "rung while stopped");
                user.set(RUNNING);
                assertEquals("8=efcdab89", RegionIoFdsTest.rung(rig));
            }
        });
    }

    @TestFactory
    Stream<DynamicTest> clientsThatLeaveHaveTheirDeviceReset() {
        Map<String, Case> cases = new TreeMap<>();
        for (int from = ERROR; from <= RESUMING; from++) {
            int state = from;
            cases.put("in state " + state, (rig, card, user) -> {
                user.client().write(BAR0, 0, (byte) 0x55);
                byte[] stream = user.save();
                enter(card, user, state, stream);
                card.took();
                user.client().close();
                Migrating next = new Migrating(rig.served());
                rig.owned(next.client());
                assertEquals(state == RUNNING ? List.of() : List.of("reset", "resume"), card.took());
                assertEquals(RUNNING, next.state());
                assertEquals(state == RUNNING ? 0x55 : 0, next.client().read(BAR0, 0, 1)[0]);
            });
        }
        cases.put("in the midst of a stream", (rig, card, user) -> {
            byte[] stream = user.save();
            user.set(RESUMING);
            user.write(Arrays.copyOf(stream, stream.length / 2));
            user.client().close();
            Migrating next = new Migrating(rig.owned(rig.served()));
            assertEquals(RUNNING, next.state());
            assertArrayEquals(stream, next.save(), "nothing of the stream is left");
        });
        return all(cases);
    }

    /** As the core does it in a live update; the user stays. */
    private static void replace(Rig rig, StatefulCard from, StatefulCard to) throws ErrnoException {
        VendorSlot slot = (VendorSlot) rig.mdev.slot();
        slot.freeze(Deadline.in(TestPlatform.PATIENCE));
        assertTrue(slot.awaitEmpty(Deadline.in(TestPlatform.PATIENCE)));
        Slot.Occupant user = Objects.requireNonNull(slot.occupant());
        assertTrue(user.isStopped());
        DeviceState state = from.save();
        from.release();
        user.parked();
        slot.install(to);
        to.adopt();
        user.reopen(to);
        to.restore(state);
        slot.thaw();
    }

    @Test
    void driverIsUpdatedInTheMidstOfAStream() throws Exception {
        run((rig, card, user) -> {
            user.client().write(BAR0, 7, (byte) 7);
            card.bar2().set(ValueLayout.JAVA_BYTE, 0, (byte) 8);
            user.set(STOP_COPY);
            StatefulCard second = new StatefulCard();
            byte[] stream = joined(user.read(100), () -> replace(rig, card, second), () -> user.readAll(() -> 999));
            user.set(RUNNING);
            assertEquals(List.of("restore", "resume"), second.took());
            assertEquals(7, user.client().read(BAR0, 7, 1)[0]);

            user.client().write(BAR0, 7, (byte) 1);
            user.set(RESUMING);
            second.took();
            StatefulCard third = new StatefulCard();
            user.write(Arrays.copyOf(stream, 5000));
            replace(rig, second, third);
            user.write(Arrays.copyOfRange(stream, 5000, stream.length));
            user.set(RUNNING);
            assertEquals(List.of("restore", "restore", "resume"), third.took());
            assertEquals(7, user.client().read(BAR0, 7, 1)[0]);
            assertEquals(8, user.client().read(VfioPci.BAR2_REGION, 0, 1)[0]);
            assertEquals(0, second.violations.get() + third.violations.get());
        });
    }

    private interface Piece {
        byte[] get() throws Exception;
    }

    private static byte[] joined(byte[] first, StatefulCard.Hook between, Piece second) throws Exception {
        between.run();
        byte[] rest = second.get();
        byte[] all = Arrays.copyOf(first, first.length + rest.length);
        System.arraycopy(rest, 0, all, first.length, rest.length);
        return all;
    }
}
