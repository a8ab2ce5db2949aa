package mdev.tools.tty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellResult;
import mdev.api.shell.UnknownNameException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.VfioCcw;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import vfio.mdev.Await;
import vfio.mdev.OpenedDevice;
import vfio.mdev.SerialCard;
import vfio.mdev.ShellRun;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;

class TtyCommandTest {
    private final SerialCard card = new SerialCard();
    private final TestPlatform platform = new TestPlatform();
    private final Mdev mdev = platform.add(3, card);
    private final String uuid = mdev.uuid().toString();
    private final List<ShellCommand> commands = new TtyCommand(platform.vfio).commands();

    TtyCommandTest() throws ErrnoException {}

    private static InputStream bytes(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private void assertRefused(Errno errno, String message, String command, String... arguments) {
        ErrnoException refused =
                assertThrows(ErrnoException.class, () -> ShellRun.of(arguments).perform(commands, command));
        assertEquals(errno, refused.errno());
        assertEquals(message, refused.getMessage());
    }

    /** A region of a serial port's size is one only as a BAR. */
    @Test
    void deviceThatIsNotPciHasNoSerialPort() throws ErrnoException {
        String other = platform.add(VfioCcw.DEVICE_API, 9, new TestVendor() {
                    @Override
                    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
                        return request instanceof GetInfo ? new DeviceInfo(DeviceInfo.CCW, 2, 3) : super.ioctl(request);
                    }
                })
                .uuid()
                .toString();
        assertRefused(Errno.EINVAL, "no port '0' on " + other + ": it has no serial port", "tty", other);
        platform.close();
    }

    @Test
    void rejectsInvalidArgumentsWithARemedy() throws ErrnoException {
        assertRefused(Errno.EINVAL, "no port '2' on " + uuid + ": 0, 1", "tty", uuid, "2");
        assertRefused(Errno.EINVAL, "no port '-1' on " + uuid + ": 0, 1", "tty", uuid, "-1");
        OpenedDevice open = platform.open(mdev);
        assertRefused(Errno.EBUSY, "device " + uuid + " is in use by test", "tty", uuid);
        open.close();
        assertEquals(card.opens.get(), card.releases.get());
        platform.close();
    }

    @Test
    void unknownDeviceListsTheBoundOnes() {
        UnknownNameException refused =
                assertThrows(UnknownNameException.class, () -> ShellRun.of("x").perform(commands, "tty"));
        assertEquals(Errno.ENODEV, refused.errno());
        assertEquals("no device 'x' is bound to vfio_mdev", refused.getMessage());
        assertEquals(List.of(uuid), refused.known());
        platform.close();
    }

    @Test
    void relaysAPipeUntilTheEchoIsComplete() throws Exception {
        String text = "the quick brown fox\n".repeat(100);
        for (String port : List.of("0", "1")) {
            ShellRun run = ShellRun.with(bytes(text), false, uuid, port);
            assertEquals(ShellResult.DONE, run.perform(commands, "tty"));
            assertEquals(text, run.text());
        }
        assertEquals(card.opens.get(), card.releases.get());
        assertEquals(0, card.violations.get());
        platform.close();
    }

    /** Provides its bytes, then one more once they have been received. */
    private static InputStream keys(String text, CountDownLatch echoed, int last) {
        return new InputStream() {
            private final InputStream first = bytes(text);

            @Override
            public int read() throws IOException {
                int next = first.read();
                if (next >= 0) {
                    return next;
                }
                try {
                    echoed.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw (IOException) new InterruptedIOException().initCause(e);
                }
                return last;
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                int next = read();
                bytes[offset] = (byte) next;
                return next < 0 ? -1 : 1;
            }
        };
    }

    @Test
    void endsOnATerminalWithCtrlRightBracket() throws Exception {
        CountDownLatch echoed = new CountDownLatch(1);
        ShellRun run = ShellRun.with(keys("hello\r", echoed, 0x1d), true, uuid);
        Thread user = Thread.ofPlatform().start(() -> {
            Await.until("the echo", () -> run.text().endsWith("hello\r\n"));
            echoed.countDown();
        });
        assertEquals(ShellResult.DONE, run.perform(commands, "tty"));
        user.join();
        assertTrue(run.text().startsWith("Port 0 of " + uuid), run::text);
        assertEquals(1, card.releases.get());
        platform.close();
    }

    /** A user that has typed a key, got its echo, and waits for the next key; {@code end} gets what ends it. */
    private Thread typist(boolean terminal, AtomicReference<@Nullable Throwable> end) {
        ShellRun run = ShellRun.with(keys("x", new CountDownLatch(1), -1), terminal, uuid);
        Thread user = Thread.ofPlatform().name("user").start(() -> {
            try {
                run.perform(commands, "tty");
            } catch (Throwable e) {
                end.set(e);
            }
        });
        Await.until("the echo", () -> run.text().endsWith("x"));
        Await.blocked(user);
        return user;
    }

    @Test
    void endsWithOneLineWhenTheDeviceIsRemoved() throws Exception {
        AtomicReference<@Nullable Throwable> end = new AtomicReference<>();
        Thread user = typist(true, end);
        platform.remove(mdev);
        assertEquals(1, card.releases.get());
        user.join();
        assertTrue(end.get() instanceof ErrnoException e && e.errno() == Errno.ENODEV, () -> "" + end.get());
        assertEquals("device " + uuid + " is being removed", end.get().getMessage());
        platform.close();
    }

    @Test
    void endsWithCtrlC() throws Exception {
        AtomicReference<@Nullable Throwable> end = new AtomicReference<>();
        Thread user = typist(false, end);
        user.interrupt();
        user.join();
        assertTrue(end.get() instanceof InterruptedException, () -> "" + end.get());
        assertEquals(1, card.releases.get());
        platform.close();
    }
}
