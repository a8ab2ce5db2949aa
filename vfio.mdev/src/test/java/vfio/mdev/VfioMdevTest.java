package vfio.mdev;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuDriver;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Groups, containers, and their entries in the tree. */
class VfioMdevTest {
    private final TestPlatform platform = new TestPlatform();

    VfioMdevTest() throws ErrnoException {}

    private static void assertErrno(Errno expected, Executable call) {
        assertEquals(expected, assertThrows(ErrnoException.class, call).errno());
    }

    /** The order of golden/sysfs/uevents.jsonl. */
    @Test
    void showsItselfInTheKernelsOrder() throws ErrnoException {
        Mdev first = platform.add(0, new TestVendor());
        platform.add(1, new TestVendor());
        platform.remove(first);
        platform.close();
        assertEquals(
                List.of(
                        "add@/devices/virtual/misc/vfio",
                        "add@/class/vfio",
                        "add@vfio_mdev",
                        "add@/devices/virtual/vfio/0",
                        "add@/devices/virtual/vfio/1",
                        "remove@/devices/virtual/vfio/0",
                        "remove@/devices/virtual/vfio/1",
                        "remove@vfio_mdev",
                        "remove@/class/vfio",
                        "remove@/devices/virtual/misc/vfio"),
                platform.tree);
        assertEquals(List.of("MAJOR=10", "MINOR=196", "DEVNAME=vfio/vfio", "DEVMODE=0666"), env(0));
        assertEquals(List.of("MAJOR=250", "MINOR=1", "DEVNAME=vfio/1"), env(2));
    }

    private List<String> env(int node) {
        return platform.nodes.get(node).uevent().entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue())
                .toList();
    }

    /** golden/errno/create-remove.jsonl, "iommu group numbers are reused": minors are reused too, the lowest first. */
    @Test
    void givesTheLowestFreeMinor() throws ErrnoException {
        platform.add(0, new TestVendor());
        Mdev second = platform.add(1, new TestVendor());
        platform.add(2, new TestVendor());
        platform.remove(second);
        platform.add(1, new TestVendor());
        platform.add(3, new TestVendor());
        List<String> minors = new ArrayList<>();
        for (int node = 1; node < platform.nodes.size(); node++) {
            minors.add(env(node).get(1));
        }
        assertEquals(List.of("MINOR=0", "MINOR=1", "MINOR=2", "MINOR=1", "MINOR=3"), minors);
        assertEquals(List.of(0, 1, 2, 3), platform.vfio.groups());
        platform.close();
    }

    /** golden/open/open.jsonl, case 4: the node stays while the group's file is open, and the file keeps working. */
    @Test
    void keepsAnEmptyGroupWhileItsFileIsOpen() throws ErrnoException {
        Mdev mdev = platform.add(0, new TestVendor());
        VfioGroup earlier = platform.vfio.openGroup(0, "test");
        earlier.close();
        VfioGroup file = platform.vfio.openGroup(0, "test");
        platform.remove(mdev);
        earlier.close(); // a second close: it no longer belongs to the group
        assertEquals("add@/devices/virtual/vfio/0", platform.tree.getLast());
        assertEquals(VfioGroup.VIABLE, file.getStatus());
        VfioContainer container = platform.vfio.openContainer();
        file.setContainer(container);
        assertErrno(Errno.EIO, () -> container.setIommu(VfioContainer.TYPE1_IOMMU));
        assertErrno(Errno.EINVAL, () -> file.getDevice(mdev.uuid().toString()));
        assertErrno(Errno.EBUSY, () -> platform.vfio.openGroup(0, "another"));
        file.close();
        assertEquals("remove@/devices/virtual/vfio/0", platform.tree.getLast());
        assertErrno(Errno.ENOENT, () -> platform.vfio.openGroup(0, "another"));
        platform.close();
    }

    /** A deviation: the core reassigns a number that the kernel would keep reserved. */
    @Test
    void passesTheNodeOfAnEmptyGroupToItsSuccessor() throws ErrnoException {
        Mdev mdev = platform.add(0, new TestVendor());
        VfioGroup old = platform.vfio.openGroup(0, "test");
        platform.remove(mdev);
        Mdev next = platform.add(0, new TestVendor());
        OpenedDevice open = platform.open(next);
        old.close();
        assertDoesNotThrow(() -> open.device().ioctl(new GetInfo()));
        assertEquals(List.of(0), platform.vfio.groups());
        open.close();
        platform.remove(next);
        assertEquals(List.of(), platform.vfio.groups());
        assertEquals(
                List.of("add@", "remove@", "add@", "remove@"),
                platform.tree.stream()
                        .filter(line -> line.endsWith("/vfio/0"))
                        .map(line -> line.substring(0, line.indexOf('@') + 1))
                        .toList());
        platform.close();
    }

    @Test
    void hasOneOpenerUntilTheLastHandleIsClosed() throws ErrnoException {
        Mdev mdev = platform.add(7, new TestVendor());
        OpenedDevice open = platform.open(mdev);
        ErrnoException busy = assertThrows(ErrnoException.class, () -> platform.vfio.openGroup(7, "another"));
        assertEquals("group 7 is in use by test", busy.getMessage());
        open.group().close();
        open.container().close();
        assertErrno(Errno.EBUSY, () -> platform.vfio.openGroup(7, "another"));
        assertDoesNotThrow(() -> open.device().ioctl(new GetInfo()));
        assertEquals(Optional.of("test"), platform.vfio.user(mdev));
        open.device().close();
        assertEquals(Optional.empty(), platform.vfio.user(mdev));
        platform.vfio.openGroup(7, "another").close();
        platform.close();
    }

    @Test
    void closedFileReturnsEbadf() throws ErrnoException {
        platform.add(0, new TestVendor());
        VfioContainer container = platform.vfio.openContainer();
        VfioGroup group = platform.vfio.openGroup(0, "test");
        group.setContainer(container);
        container.setIommu(VfioContainer.TYPE1V2_IOMMU);
        group.close();
        group.close();
        container.close();
        assertAll(
                () -> assertErrno(Errno.EBADF, () -> group.setContainer(container)),
                () -> assertErrno(Errno.EBADF, group::unsetContainer),
                () -> assertErrno(Errno.EBADF, () -> group.getDevice("x")),
                () -> assertEquals(0, group.getStatus()),
                () -> assertErrno(Errno.EBADF, () -> container.setIommu(VfioContainer.TYPE1_IOMMU)),
                () -> assertErrno(Errno.EBADF, () -> container.ioctl(new GetInfo())));
        platform.close();
    }

    /** A back-end that records its calls. */
    private static final class Recorder implements IommuDriver, Iommu {
        static final int TYPE = 1000;
        final List<String> calls = new CopyOnWriteArrayList<>();

        @Nullable
        Integer refused;

        CountDownLatch detaching = new CountDownLatch(0);

        @Override
        public String name() {
            return "recorder";
        }

        @Override
        public Set<Integer> types() {
            return Set.of(TYPE, VfioContainer.TYPE1_IOMMU);
        }

        @Override
        public Iommu open(int type) throws ErrnoException {
            if (type != TYPE) {
                throw new ErrnoException(Errno.EPERM);
            }
            calls.add("open");
            return this;
        }

        @Override
        public int checkExtension(int extension) {
            return extension == TYPE ? 5 : 0;
        }

        @Override
        public void attachGroup(int group) throws ErrnoException {
            if (refused != null && refused == group) {
                throw new ErrnoException(Errno.ENOSPC);
            }
            calls.add("attach " + group);
        }

        @Override
        public void detachGroup(int group) {
            Deadline.in(TestPlatform.PATIENCE).awaitUninterruptibly(detaching);
            calls.add("detach " + group);
        }

        @Override
        public IoctlReply ioctl(IoctlRequest request) {
            throw new IllegalStateException("ioctl");
        }

        @Override
        public void release() {
            calls.add("release");
        }
    }

    /** The removal has its grace period, whatever the back-end does. */
    @Test
    void hungBackEndDoesNotDelayTheRemoval() throws ErrnoException {
        Recorder recorder = new Recorder();
        recorder.detaching = new CountDownLatch(1);
        platform.iommuDrivers.addDriver(recorder);
        Mdev mdev = platform.add(0, new TestVendor());
        VfioContainer container = platform.vfio.openContainer();
        VfioGroup group = platform.vfio.openGroup(0, "test");
        group.setContainer(container);
        container.setIommu(Recorder.TYPE);
        platform.remove(mdev, Duration.ofMillis(200)); // without the change, never returned
        assertEquals(List.of("open", "attach 0"), recorder.calls);
        recorder.detaching.countDown();
        Await.until("the group leaves", () -> recorder.calls.contains("release"));
        platform.close();
    }

    /** Each call of a user waits for a bounded time, and then fails with one errno. */
    @Test
    void hangingBackEndFailsOtherCallsOfItsUsers() throws Exception {
        Recorder recorder = new Recorder();
        recorder.detaching = new CountDownLatch(1);
        platform.iommuDrivers.addDriver(recorder);
        platform.add(0, new TestVendor());
        platform.add(1, new TestVendor());
        VfioContainer container = platform.vfio.openContainer();
        VfioGroup first = platform.vfio.openGroup(0, "test");
        VfioGroup second = platform.vfio.openGroup(1, "test");
        first.setContainer(container);
        second.setContainer(container);
        container.setIommu(Recorder.TYPE);
        second.unsetContainer();
        Stream.<Executable>of(
                        () -> assertErrno(Errno.EBUSY, () -> container.ioctl(new GetInfo())),
                        () -> assertErrno(Errno.EBUSY, () -> second.setContainer(platform.vfio.openContainer())),
                        () -> assertErrno(Errno.EBUSY, () -> container.setIommu(Recorder.TYPE)),
                        () -> assertEquals(0, container.checkExtension(Recorder.TYPE)),
                        first::close)
                .map(call -> {
                    FutureTask<@Nullable Void> task = new FutureTask<>(() -> {
                        assertAll(call);
                        return null;
                    });
                    Thread.ofPlatform().start(task);
                    return task;
                })
                .toList()
                .forEach(task -> assertDoesNotThrow(() -> task.get()));
        recorder.detaching.countDown();
        Await.until("both groups leave", () -> recorder.calls.contains("release"));
        second.setContainer(container);
        container.setIommu(Recorder.TYPE);
        platform.close();
    }

    @Test
    void sharesAnIommuAmongGroupsUntilTheLastLeaves() throws ErrnoException {
        Recorder recorder = new Recorder();
        platform.iommuDrivers.addDriver(recorder);
        Mdev a = platform.add(0, new TestVendor());
        Mdev b = platform.add(1, new TestVendor());
        VfioContainer container = platform.vfio.openContainer();
        VfioGroup first = platform.vfio.openGroup(0, "test");
        VfioGroup second = platform.vfio.openGroup(1, "test");
        first.setContainer(container);
        container.setIommu(Recorder.TYPE);
        second.setContainer(container);
        VfioDevice one = first.getDevice(a.uuid().toString());
        VfioDevice two = second.getDevice(b.uuid().toString());
        assertErrno(Errno.EIO, () -> container.ioctl(new GetInfo())); // the back-end throws
        assertEquals(5, container.checkExtension(Recorder.TYPE));
        container.close();
        first.close();
        assertErrno(Errno.EBUSY, second::unsetContainer);
        one.close();
        two.close();
        second.unsetContainer();
        assertEquals(List.of("open", "attach 0", "attach 1", "detach 0", "detach 1", "release"), recorder.calls);
        platform.close();
    }

    @Test
    void takesTheNewestBackEndThatAccepts() throws ErrnoException {
        Recorder recorder = new Recorder(); // has TYPE1 too, but fails to open it
        platform.iommuDrivers.addDriver(recorder);
        Mdev mdev = platform.add(0, new TestVendor());
        platform.open(mdev).close();
        assertEquals(List.of(), recorder.calls);
        platform.iommuDrivers.removeDriver(recorder);
        VfioContainer container = platform.vfio.openContainer();
        assertEquals(0, container.checkExtension(Recorder.TYPE));
        platform.close();
    }

    @Test
    void undoesAnIommuThatRejectsAGroup() throws ErrnoException {
        Recorder recorder = new Recorder();
        recorder.refused = 1;
        platform.iommuDrivers.addDriver(recorder);
        platform.add(0, new TestVendor());
        platform.add(1, new TestVendor());
        VfioContainer container = platform.vfio.openContainer();
        VfioGroup first = platform.vfio.openGroup(0, "test");
        VfioGroup second = platform.vfio.openGroup(1, "test");
        first.setContainer(container);
        second.setContainer(container);
        assertErrno(Errno.ENOSPC, () -> container.setIommu(Recorder.TYPE));
        assertEquals(List.of("open", "attach 0", "detach 0", "release"), recorder.calls);
        second.unsetContainer();
        container.setIommu(Recorder.TYPE);
        assertErrno(Errno.ENOSPC, () -> second.setContainer(container));
        assertEquals(VfioGroup.VIABLE, second.getStatus());
        platform.close();
    }

    @Test
    void removedDeviceLeavesItsContainer() throws ErrnoException {
        Recorder recorder = new Recorder();
        platform.iommuDrivers.addDriver(recorder);
        Mdev mdev = platform.add(0, new TestVendor());
        VfioContainer container = platform.vfio.openContainer();
        VfioGroup group = platform.vfio.openGroup(0, "test");
        group.setContainer(container);
        container.setIommu(Recorder.TYPE);
        platform.remove(mdev);
        assertEquals(List.of("open", "attach 0", "detach 0", "release"), recorder.calls);
        assertEquals(VfioGroup.VIABLE, group.getStatus());
        platform.close();
    }

    /** Regression: the container leaked after the removal of the group's device. */
    @Test
    void failedOpenKeepsNoPlaceInTheContainer() throws ErrnoException {
        Recorder recorder = new Recorder();
        platform.iommuDrivers.addDriver(recorder);
        Mdev mdev = platform.add(0, new TestVendor());
        VfioContainer container = platform.vfio.openContainer();
        VfioGroup group = platform.vfio.openGroup(0, "test");
        platform.remove(mdev);
        group.setContainer(container);
        assertErrno(Errno.EIO, () -> container.setIommu(Recorder.TYPE));
        assertErrno(Errno.EINVAL, () -> group.getDevice(mdev.uuid().toString()));
        container.close();
        group.close();
        assertEquals(List.of("open", "release"), recorder.calls);
        assertEquals(List.of(), platform.vfio.groups());
        platform.close();
    }

    @Test
    void unloadingClosesAllHandles() throws ErrnoException {
        TestVendor vendor = new TestVendor();
        OpenedDevice open = platform.open(platform.add(0, vendor));
        platform.add(1, new TestVendor());
        platform.close();
        assertErrno(Errno.ENODEV, () -> open.device().ioctl(new GetInfo()));
        assertEquals(1, vendor.releases.get());
        assertEquals(List.of(), platform.vfio.groups());
        assertEquals(
                platform.tree.stream().filter(line -> line.startsWith("add")).count() * 2, platform.tree.size());
    }
}
