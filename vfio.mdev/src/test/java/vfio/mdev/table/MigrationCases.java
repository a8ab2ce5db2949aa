package vfio.mdev.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.QuiescentDevice;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.DeviceMigration;
import mdev.api.vfio.MigrationState;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;
import vfio.mdev.OpenedDevice;
import vfio.mdev.TestVendor;

/** The migration of a device. */
final class MigrationCases {
    private MigrationCases() {}

    private static class Stateful extends TestVendor implements StatefulDevice {
        @Override
        public DeviceState save() {
            return DeviceState.version(1);
        }

        @Override
        public void restore(DeviceState state) {}
    }

    private static final class Quiescent extends Stateful implements QuiescentDevice {
        @Override
        public void quiesce() {}

        @Override
        public void unquiesce() {}
    }

    @FunctionalInterface
    private interface Case {
        void run(VfioDevice device, DeviceMigration migration) throws Exception;
    }

    /** With a device whose driver saves its state. */
    private static Cases.Case stateful(Case test) {
        return with(Stateful::new, test);
    }

    private static Cases.Case quiescent(Case test) {
        return with(Quiescent::new, test);
    }

    private static Cases.Case with(Supplier<TestVendor> driver, Case test) {
        return rig -> {
            try (OpenedDevice open = rig.platform.open(rig.platform.add(2, driver.get()))) {
                test.run(open.device(), open.device().migration());
            }
        };
    }

    private static Cases.Case in(MigrationState state, Case test) {
        return stateful((device, migration) -> {
            migration.setState(state);
            test.run(device, migration);
        });
    }

    static void addTo(Cases cases) {
        cases.of("VFIO_DEVICE_FEATURE_MIGRATION")
                .add(
                        "a driver without state",
                        rig -> rig.device(VfioContainer.TYPE1_IOMMU).migration())
                .add(
                        "STOP_COPY",
                        stateful((_, migration) -> assertEquals(DeviceMigration.STOP_COPY, migration.flags())))
                .add(
                        "P2P of a driver that can quiesce the device",
                        quiescent((_, migration) ->
                                assertEquals(DeviceMigration.STOP_COPY | DeviceMigration.P2P, migration.flags())));
        cases.of("VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE")
                .add(
                        "RUNNING after the open",
                        stateful((_, migration) -> assertEquals(MigrationState.RUNNING, migration.state())))
                .add("through intermediate states", stateful((_, migration) -> {
                    migration.setState(MigrationState.STOP_COPY);
                    migration.setState(MigrationState.RUNNING);
                }))
                .add("to ERROR", stateful((_, migration) -> migration.setState(MigrationState.ERROR)))
                .add("to a state of P2P", stateful((_, migration) -> migration.setState(MigrationState.RUNNING_P2P)))
                .add(
                        "to RUNNING_P2P with a driver that can quiesce the device",
                        quiescent((_, migration) -> migration.setState(MigrationState.RUNNING_P2P)))
                .add(
                        "to PRE_COPY_P2P with such a driver",
                        quiescent((_, migration) -> migration.setState(MigrationState.PRE_COPY_P2P)))
                .add("a reset leaves RUNNING_P2P", quiescent((device, migration) -> {
                    migration.setState(MigrationState.RUNNING_P2P);
                    device.ioctl(new Reset());
                    assertEquals(MigrationState.RUNNING, migration.state());
                }))
                .add(
                        "RESUMING left without a stream, which leads to ERROR",
                        in(MigrationState.RESUMING, (_, migration) -> failing(migration)))
                .add("from ERROR", in(MigrationState.RESUMING, (_, migration) -> {
                    try {
                        failing(migration);
                    } catch (ErrnoException e) {
                        migration.setState(MigrationState.RUNNING);
                    }
                }))
                .add("a reset leaves ERROR", in(MigrationState.RESUMING, (device, migration) -> {
                    try {
                        failing(migration);
                    } catch (ErrnoException e) {
                        device.ioctl(new Reset());
                    }
                    assertEquals(MigrationState.RUNNING, migration.state());
                }));
        cases.of("VFIO_DEVICE_FEATURE_MIG_DATA_SIZE")
                .add("in any state", stateful((_, migration) -> assertTrue(migration.dataSize() > 0)));
        cases.of("read of the migration data")
                .add("STOP_COPY", in(MigrationState.STOP_COPY, (_, migration) -> read(migration)))
                .add("another state", in(MigrationState.STOP, (_, migration) -> read(migration)));
        cases.of("write of the migration data")
                .add(
                        "not a stream for this device",
                        in(
                                MigrationState.RESUMING,
                                (_, migration) -> migration.write(MemorySegment.ofArray(new byte[4]), 0, 4)))
                .add(
                        "another state",
                        in(
                                MigrationState.STOP,
                                (_, migration) -> migration.write(MemorySegment.ofArray(new byte[4]), 0, 4)));
        cases.of("read").add("BAR0 of a device in RUNNING_P2P", quiescent((device, migration) -> {
            migration.setState(MigrationState.RUNNING_P2P);
            device.read(VfioPci.BAR0_REGION, 0, MemorySegment.ofArray(new byte[1]), 0, 1);
        }));
        cases.of("read")
                .add(
                        "BAR0 of a stopped device",
                        in(
                                MigrationState.STOP,
                                (device, _) ->
                                        device.read(VfioPci.BAR0_REGION, 0, MemorySegment.ofArray(new byte[1]), 0, 1)));
    }

    private static void failing(DeviceMigration migration) throws ErrnoException {
        try {
            migration.setState(MigrationState.STOP);
        } finally {
            assertEquals(MigrationState.ERROR, migration.state());
        }
    }

    private static void read(DeviceMigration migration) throws ErrnoException {
        assertTrue(migration.read(MemorySegment.ofArray(new byte[1 << 16]), 0, 1 << 16) > 0);
    }
}
