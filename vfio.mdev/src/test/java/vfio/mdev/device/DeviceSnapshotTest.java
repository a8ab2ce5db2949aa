package vfio.mdev.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.QuiescentDevice;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.MigrationState;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioDevice;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;
import vfio.mdev.iommu.DeviceDma;

/** A snapshot is a migration of which the user sees nothing. */
class DeviceSnapshotTest {
    private static final class Vendor extends TestVendor implements QuiescentDevice {
        private final List<String> calls = new ArrayList<>();
        private int number;
        private String failing = "";

        private void call(String name) throws ErrnoException {
            calls.add(name);
            if (name.equals(failing)) {
                throw new ErrnoException(Errno.ENOSPC);
            }
        }

        @Override
        public void quiesce() throws ErrnoException {
            call("quiesce");
        }

        @Override
        public void unquiesce() throws ErrnoException {
            call("unquiesce");
        }

        @Override
        public void stop() throws ErrnoException {
            call("stop");
        }

        @Override
        public DeviceState save() throws ErrnoException {
            call("save");
            return DeviceState.version(1).with("number", number);
        }

        @Override
        public void restore(DeviceState state) throws ErrnoException {
            calls.add("restore");
            number = state.number("number", 0, 100);
        }

        @Override
        public void resume() throws ErrnoException {
            call("resume");
        }

        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            if (request instanceof Reset) {
                calls.add("reset");
            }
            return super.ioctl(request);
        }
    }

    private final TestPlatform platform = new TestPlatform();
    private final BoundedCalls calls = new BoundedCalls("snapshot");
    private final Vendor vendor = new Vendor();
    private final GroupDevice device = new GroupDevice(platform.add(0, vendor), calls, new RegionSpace());

    DeviceSnapshotTest() throws ErrnoException {}

    @AfterEach
    void close() {
        platform.close();
        calls.close();
    }

    private VfioDevice open() throws ErrnoException {
        return device.open(_ -> DeviceDma.none(), () -> {});
    }

    private Deque<MemorySegment> save() throws ErrnoException {
        Deque<MemorySegment> saved = new ArrayDeque<>();
        new DeviceSnapshot(device)
                .save(bytes -> saved.add(MemorySegment.ofArray(bytes.toArray(ValueLayout.JAVA_BYTE))));
        return saved;
    }

    private void restore(Deque<MemorySegment> saved) throws ErrnoException {
        new DeviceSnapshot(device).restore(() -> saved.isEmpty() ? MemorySegment.NULL : saved.remove());
    }

    @Test
    void deviceIsSavedWithAndWithoutAUser() throws ErrnoException {
        List<String> saves = List.of("quiesce", "stop", "save", "resume", "unquiesce");
        vendor.number = 7;
        Deque<MemorySegment> saved = save();
        assertEquals(saves, vendor.calls);
        vendor.calls.clear();
        try (VfioDevice user = open()) {
            save();
            assertEquals(saves, vendor.calls);
            assertEquals(MigrationState.RUNNING, user.migration().state());
        }
        vendor.calls.clear();
        vendor.number = 1;
        restore(saved);
        assertEquals(List.of("quiesce", "stop", "reset", "restore", "resume", "unquiesce"), vendor.calls);
        assertEquals(7, vendor.number);
    }

    @ParameterizedTest
    @ValueSource(strings = {"quiesce", "stop", "save"})
    void userOfADeviceThatCannotBeSavedSeesNothing(String call) throws ErrnoException {
        try (VfioDevice user = open()) {
            vendor.failing = call;
            assertEquals(
                    Errno.ENOSPC, assertThrows(ErrnoException.class, this::save).errno());
            assertEquals(MigrationState.RUNNING, user.migration().state());
            assertEquals("unquiesce", vendor.calls.getLast());
        }
    }

    @Test
    void sinkThatFailsLeavesTheDeviceRunning() throws ErrnoException {
        try (VfioDevice user = open()) {
            var failed = assertThrows(
                    ErrnoException.class,
                    () -> new DeviceSnapshot(device).save(_ -> {
                        throw new ErrnoException(Errno.ENOSPC);
                    }));
            assertEquals(Errno.ENOSPC, failed.errno());
            assertEquals(MigrationState.RUNNING, user.migration().state());
        }
    }

    @Test
    void deviceWithAUserIsNotRestored() throws ErrnoException {
        Deque<MemorySegment> saved = save();
        try (VfioDevice _ = open()) {
            assertEquals(
                    Errno.EBUSY,
                    assertThrows(ErrnoException.class, () -> restore(saved)).errno());
        }
        restore(saved);
    }

    /** The save would end the user's migration. */
    @Test
    void deviceInTheMidstOfAMigrationIsNotSaved() throws ErrnoException {
        try (VfioDevice user = open()) {
            for (MigrationState state : List.of(
                    MigrationState.RUNNING_P2P,
                    MigrationState.STOP,
                    MigrationState.STOP_COPY,
                    MigrationState.RESUMING)) {
                user.migration().setState(state);
                vendor.calls.clear();
                assertEquals(
                        Errno.EBUSY,
                        assertThrows(ErrnoException.class, this::save).errno());
                assertEquals(state, user.migration().state());
                assertEquals(List.of(), vendor.calls);
            }
        }
    }
}
