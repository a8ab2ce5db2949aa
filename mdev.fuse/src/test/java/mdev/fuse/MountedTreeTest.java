package mdev.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static mdev.fuse.MountedTree.ONE;
import static mdev.fuse.MountedTree.TWO;
import static mdev.fuse.MountedTree.TYPE;
import static mdev.fuse.MountedTree.named;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What other processes find on the mounted tree. */
@RequiresFuse
final class MountedTreeTest extends MountedTreeTestSupport {
    private static final String CREATE = "echo " + ONE + " > " + TYPE + "/create; ";

    @AfterEach
    @Override
    void unmount() throws IOException {
        super.unmount();
        assertFalse(isMounted(tree.directory), "a mount is left behind");
    }

    private static boolean isMounted(Path directory) throws IOException {
        return Files.readAllLines(Path.of("/proc/mounts")).stream()
                .anyMatch(line -> line.contains(" " + directory + " "));
    }

    @Test
    void showsTheTree() {
        assertEquals("""
                bus
                class
                devices
                kernel
                module
                """, tree.sh("ls"));
        assertEquals("24\n", tree.sh("cat " + TYPE + "/available_instances"));
        assertEquals("../../devices/virtual/mtty/mtty\n", tree.sh("readlink class/mdev_bus/mtty"));
        assertEquals(
                "200 4096 regular file\n444 4096 regular file\n755 0 directory\n777 31 symbolic link\n",
                tree.sh("stat -c '%a %s %F' " + TYPE + "/create " + TYPE + "/name " + TYPE + " class/mdev_bus/mtty"));
    }

    @Test
    void createsAndRemoves() {
        assertEquals("", tree.sh(CREATE));
        assertEquals(ONE + "\n23\n", tree.sh("ls bus/mdev/devices; cat " + TYPE + "/available_instances"));
        assertEquals("vfio-pci\n", tree.sh("cat bus/mdev/devices/" + ONE + "/mdev_type/device_api"));
        assertEquals("", tree.sh("echo 1 > bus/mdev/devices/" + ONE + "/remove; ls bus/mdev/devices"));
    }

    @Test
    void logNamesTheRequestingProcess() throws IOException {
        String uuid = UUID.randomUUID().toString();
        String create = "echo " + uuid + " > " + TYPE + "/create; ";
        String remove = "echo 1 > bus/mdev/devices/" + uuid + "/remove; ";
        String pid = tree.sh(create + remove + "echo $$").strip();

        Path log = Path.of(System.getProperty("org.slf4j.simpleLogger.logFile"));
        assertEquals(
                List.of("created bash[" + pid + "]", "removed bash[" + pid + "]"),
                Files.readAllLines(log).stream()
                        .filter(line -> line.contains(uuid))
                        .map(line -> line.replaceFirst(".* (created|removed) .*, for ", "$1 "))
                        .toList());
    }

    /** {@code kernfs_fop_write()}: the first page of a longer write is one store, and the write returns its length. */
    @ParameterizedTest
    @CsvSource({"4095, 4095", "4096, 4096", "4097, 4096", "8192, 4096", "100000, 4096"})
    void longWriteIsOneStoreOfAPage(int length, int taken) {
        tree.assumePython();
        assertEquals("", tree.sh(CREATE));

        assertEquals(
                taken + "\n",
                tree.sh("python3 -c \"import os; print(os.write(os.open('bus/mdev/devices/" + ONE
                        + "/vendor/value', os.O_WRONLY), b'x' * " + length + "))\""));
        assertEquals(1, tree.vendor.stores());
        assertEquals(taken + "\n", tree.sh("cat bus/mdev/devices/" + ONE + "/vendor/value | wc -c"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            echo x > TYPE/create                                | bash: line 2: echo: write error: Invalid argument
            echo ONE > TYPE/create; echo ONE > TYPE/create      | bash: line 2: echo: write error: File exists
            cat TYPE/create                                     | cat: TYPE/create: Permission denied
            echo x > TYPE/name                                  | bash: line 2: TYPE/name: Permission denied
            echo x > TYPE/new                                   | bash: line 2: TYPE/new: Permission denied
            mkdir TYPE/new                                      | mkdir: cannot create directory 'TYPE/new': Operation not permitted
            rm TYPE/name                                        | rm: cannot remove 'TYPE/name': Operation not permitted
            rmdir TYPE/devices                                  | rmdir: failed to remove 'TYPE/devices': Operation not permitted
            mv TYPE/name TYPE/new                               | mv: cannot move 'TYPE/name' to 'TYPE/new': Operation not permitted
            ln -s x TYPE/new                                    | ln: failed to create symbolic link 'TYPE/new': Operation not permitted
            ln TYPE/name TYPE/new                               | ln: failed to create hard link 'TYPE/new' => 'TYPE/name': Operation not permitted
            mkfifo TYPE/new                                     | mkfifo: cannot create fifo 'TYPE/new': Operation not permitted
            chmod 777 TYPE/name                                 | chmod: changing permissions of 'TYPE/name': Operation not permitted
            cat TYPE/nothing                                    | cat: TYPE/nothing: No such file or directory
            cat TYPE/LONG                                       | cat: TYPE/LONG: File name too long
            """)
    void refusesAsTheKernelDoes(String script, String answer) {
        String out = tree.sh(named(script));

        assertEquals(named(answer), out.replaceAll("\n(\\[1])?$", ""));
    }

    @Test
    void noInstanceIsLeft() {
        String uuids = IntStream.range(0, 25)
                .mapToObj(i -> ONE.replace("1001", String.format(Locale.ROOT, "%04d", i)))
                .collect(Collectors.joining(" "));

        assertEquals(
                "bash: line 2: echo: write error: No space left on device\n[1]",
                tree.sh("for u in " + uuids + "; do echo $u > " + TYPE + "/create; done"));
    }

    @Test
    void openFileOfARemovedDeviceReturnsEnodev() {
        assertEquals(
                "unset\ncat: -: No such device\nbash: line 2: echo: write error: No such device\n",
                tree.sh(CREATE + "cd bus/mdev/devices/" + ONE
                        + "; exec 3< vendor/value 4< vendor/value 5> vendor/value;"
                        + "cat <&3; echo 1 > remove; cat <&4; echo x >&5; ls; true"));
    }

    @Test
    void listsThousandsEachOnce() throws Exception {
        tree.close();
        tree = new MountedTree(3000);
        List<String> uuids = IntStream.range(0, 3000)
                .mapToObj(i -> ONE.replace("1001", String.format(Locale.ROOT, "%04d", i)))
                .toList();
        assertEquals(
                "",
                tree.sh("for i in {0000..2999}; do echo 83b8f4f2-509f-382f-3c1e-e6bfe0fa$i > " + TYPE
                        + "/create; done"));

        assertEquals(uuids, tree.sh("ls -U bus/mdev/devices").lines().toList());
    }

    @Test
    void hungCallDelaysOnlyItsCaller() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        tree.vendor.inCreate = uuid -> hangIf(uuid.equals(ONE), entered, leave);
        Process hangs = tree.start(CREATE);
        entered.await();

        assertEquals(
                "", tree.sh("echo " + TWO + " > " + TYPE + "/create; echo 1 > bus/mdev/devices/" + TWO + "/remove"));
        assertEquals("24\n", tree.sh("cat " + TYPE + "/available_instances"));
        leave.countDown();
        assertEquals("", MountedTree.ended(hangs));
        assertEquals(ONE + "\n", tree.sh("ls bus/mdev/devices"));
    }

    /**
     * To the file system, a signal with a handler is like any other. Not SIGINT: a background process may ignore it
     * permanently.
     */
    @Test
    void interruptedCreateIsUndone() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        tree.vendor.inCreate = uuid -> hangIf(true, entered, leave);
        Process hangs = tree.start("exec 3> " + TYPE + "/create; trap 'exit 3' TERM; echo " + ONE + " >&3");
        entered.await();

        assertReturnsOnTerm(hangs);
        leave.countDown();
        MountedTree.await("the device is undone", () -> tree.vendor.removed() == 1);
        MountedTree.await("and gone", () -> tree.sh("ls bus/mdev/devices").isEmpty());
        assertEquals(24, tree.vendor.free());
    }

    /** The caller's write returns before the vendor's call. */
    private void assertReturnsOnTerm(Process caller) throws Exception {
        tree.sh("kill -TERM " + caller.pid());
        assertEquals("[3]", MountedTree.ended(caller).replaceAll("(?s).*\\[", "["));
    }

    /** As {@link #interruptedCreateIsUndone}. */
    @Test
    void interruptedRemoveContinues() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        tree.vendor.inRemove = uuid -> hangIf(true, entered, leave);
        assertEquals("", tree.sh(CREATE));
        Process hangs = tree.start("trap 'exit 3' TERM; echo 1 > bus/mdev/devices/" + ONE + "/remove");
        entered.await();

        assertReturnsOnTerm(hangs);
        leave.countDown();
        MountedTree.await(
                "the device is gone", () -> tree.sh("ls bus/mdev/devices").isEmpty());
    }

    /** open.jsonl, case 1: the kernel's removal waits for the user of the device, ours for the vendor too. */
    @Test
    void whileARemovalWaits() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        tree.vendor.inRemove = uuid -> hangIf(uuid.equals(ONE), entered, leave);
        String two = TYPE.replace("mtty-1", "mtty-2");
        assertEquals("24\n", tree.sh("cat " + TYPE + "/available_instances; echo " + ONE + " > " + two + "/create"));
        Process waits = tree.start("echo 1 > bus/mdev/devices/" + ONE + "/remove");
        entered.await();

        assertEquals(
                named("""
                        ls: cannot access 'bus/mdev/devices/ONE': No such file or directory
                        bash: line 2: bus/mdev/devices/ONE/remove: No such file or directory
                        bash: line 2: echo: write error: File exists
                        11
                        22
                        """),
                tree.sh(
                        named(
                                "ls bus/mdev/devices/ONE; echo 1 > bus/mdev/devices/ONE/remove; "
                                        + "echo ONE > " + two + "/create; cat " + two + "/available_instances; "
                                        + "echo TWO > TYPE/create && echo 1 > bus/mdev/devices/TWO/remove; cat TYPE/available_instances")));
        leave.countDown();
        assertEquals("", MountedTree.ended(waits));
        assertEquals("12\n", tree.sh("cat " + two + "/available_instances; ls bus/mdev/devices"));
    }

    /**
     * open.jsonl, case 5: rmmod while the removal of one device waits. A deviation: the kernel removes the devices
     * one by one, so its second device is still on the bus; ours leave at once.
     */
    @Test
    void whileAModuleGoes() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        tree.vendor.inRemove = uuid -> hangIf(uuid.equals(ONE), entered, leave);
        assertEquals("", tree.sh(CREATE + CREATE.replace(ONE, TWO)));
        Process user = tree.start(named("exec 3> bus/mdev/devices/TWO/remove; echo ready; read; echo 1 >&3; "
                + "echo 83b8f4f2-509f-382f-3c1e-e6bfe0fa1003 > devices/virtual/mtty/mtty/mdev_supported_types/mtty-1/create; "
                + "ls bus/mdev/devices devices/virtual/mtty/mtty/mdev_supported_types/mtty-1 class/mdev_bus"));
        BufferedReader said = user.inputReader();
        assertEquals("ready", said.readLine());
        Thread rmmod = Thread.ofPlatform().start(tree.module::close);
        entered.await();

        user.outputWriter().write("\n");
        user.outputWriter().flush();
        assertEquals("""
                        bash: line 2: echo: write error: No such device
                        bash: line 2: echo: write error: No such device
                        bus/mdev/devices:

                        class/mdev_bus:

                        devices/virtual/mtty/mtty/mdev_supported_types/mtty-1:
                        available_instances
                        create
                        device_api
                        devices
                        name
                        """, said.lines().map(line -> line + "\n").collect(Collectors.joining()));
        leave.countDown();
        rmmod.join();
        assertEquals("", tree.sh("ls class/mdev_bus devices/virtual").replaceAll("(?m)^.*:\n|\n", ""));
    }

    @Test
    void hungShowCanBeInterrupted() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        tree.vendor.inShow = uuid -> hangIf(true, entered, leave);
        assertEquals("", tree.sh(CREATE));
        Process hangs = tree.start("exec cat bus/mdev/devices/" + ONE + "/vendor/slow");
        entered.await();

        hangs.destroyForcibly();
        assertEquals("[137]", MountedTree.ended(hangs));
        assertEquals("unset\n", tree.sh("cat bus/mdev/devices/" + ONE + "/vendor/value"));
        leave.countDown();
    }

    private static void hangIf(boolean wanted, CountDownLatch entered, CountDownLatch leave) {
        if (wanted) {
            entered.countDown();
            try {
                leave.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Test
    void mountInUseIsDetachedAtTheEnd() throws Exception {
        Process user = tree.start("echo ready; read; cat class/mdev_bus/mtty/uevent");
        assertEquals('r', user.getInputStream().read());

        tree.fuse.close();
        assertFalse(isMounted(tree.directory));
        user.getOutputStream().close();
        String out = new String(user.getInputStream().readAllBytes(), UTF_8);
        assertEquals("eady\ncat: class/mdev_bus/mtty/uevent: Transport endpoint is not connected\n", out);
    }

    @Test
    void mountReplacedByAnotherIsReportedAsUnmounted() throws IOException {
        assertEquals(Optional.of(tree.directory), tree.fuse.directory());

        // Immediately, probably before the session detects it: the device number is likely to be the same.
        assertEquals("", tree.sh("cd /; umount " + tree.directory + "; mount -t tmpfs none " + tree.directory));
        try {
            assertEquals(Optional.empty(), tree.fuse.directory());
            tree.fuse.close();
            assertTrue(isMounted(tree.directory), "it is not ours");
        } finally {
            tree.sh("cd /; umount " + tree.directory);
        }
    }

    @Test
    void removedDevicesLeaveNoCacheEntries() {
        String look =
                "find devices/virtual/mtty/mtty -ls > /dev/null; cat bus/mdev/devices/*/vendor/value > /dev/null;";
        String remove = "for d in bus/mdev/devices/*; do echo 1 > $d/remove; done;";
        assertEquals("", tree.sh(CREATE + look + remove + "ls bus/mdev/devices"));
        int before = tree.fuse.known();

        for (int round = 0; round < 10; round++) {
            String create =
                    "for i in {1000..1019}; do echo 83b8f4f2-509f-382f-3c1e-e6bfe0fa$i > " + TYPE + "/create; done;";
            assertEquals(
                    "", tree.sh(create.replace("509f", String.format(Locale.ROOT, "%04d", round)) + look + remove));
        }
        // 200 devices with about 20 entries each were created and removed.
        MountedTree.await("the kernel has forgotten", () -> tree.fuse.known() < before + 100);
    }
}
