package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Migrating.MIGRATION;
import static vfio.user.conformance.Migrating.MIG_DATA_SIZE;
import static vfio.user.conformance.Migrating.MIG_DEVICE_STATE;
import static vfio.user.conformance.Migrating.RESUMING;
import static vfio.user.conformance.Migrating.RUNNING;
import static vfio.user.conformance.Migrating.STOP;
import static vfio.user.conformance.Migrating.STOP_COPY;
import static vfio.user.conformance.Requests.GET;
import static vfio.user.conformance.Requests.PROBE;
import static vfio.user.conformance.Requests.SET;
import static vfio.user.conformance.Rig.PAGE;

import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.IntSupplier;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.vfio.VfioPci;
import mdev.linux.Fd;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The messages of a migration, and its stream (libvfio-user's test_migration.py). */
final class MigrationTest {
    private static final int BAR0 = 0;

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
        Map<String, MigrationCase> cases = new TreeMap<>();
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
        return MigrationCase.all(cases);
    }

    private static void feature(Map<String, MigrationCase> cases, String name, Payload payload) {
        cases.put(name, (_, card, user) -> {
            user.client().refused(Errno.EINVAL, Commands.FEATURE, payload);
            assertEquals(RUNNING, user.state());
            assertEquals(List.of(), card.took());
        });
    }

    private static void data(Map<String, MigrationCase> cases, String name, int state, int command, Payload payload) {
        cases.put(name, (_, _, user) -> {
            user.set(state);
            user.client().refused(Errno.EINVAL, command, payload);
            assertEquals(state, user.state());
        });
    }

    @Test
    void descriptorsAreRefused() throws Exception {
        MigrationCase.run((rig, _, user) -> {
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
        MigrationCase.run((_, _, user) -> {
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
            assertEquals(3, flagsOf(new QuiescentCard()), "STOP_COPY and P2P");
            assertEquals(RUNNING, user.state());
            for (int state : new int[] {RUNNING, STOP, STOP_COPY, RESUMING}) {
                user.set(state);
                assertTrue(user.dataSize() > 0);
            }
        });
    }

    private static long flagsOf(StatefulCard card) throws Exception {
        try (Rig rig = new Rig(card)) {
            return rig.client()
                    .ok(Commands.FEATURE, Requests.feature(16, GET | MIGRATION))
                    .u64(8);
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
        Map<String, MigrationCase> cases = new TreeMap<>();
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
        return MigrationCase.all(cases);
    }
}
