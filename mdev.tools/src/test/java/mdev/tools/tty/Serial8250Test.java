package mdev.tools.tty;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import vfio.mdev.Await;
import vfio.mdev.OpenedDevice;
import vfio.mdev.SerialCard;
import vfio.mdev.TestPlatform;

class Serial8250Test {
    private static final Duration LONG = TestPlatform.PATIENCE;

    private final SerialCard card = new SerialCard();
    private final TestPlatform platform = new TestPlatform();
    private final Mdev mdev = platform.add(0, card);

    Serial8250Test() throws ErrnoException {}

    @Test
    void transfersThroughBothPortsAtOnceWithoutLoss() throws Exception {
        try (OpenedDevice open = platform.open(mdev);
                IntxService line = new IntxService(open.device());
                Serial8250 first = new Serial8250(open.device(), 0, line);
                Serial8250 second = new Serial8250(open.device(), 1, line)) {
            assertEquals(0x1_03_0b, card.setUp(0), "115200 8N1, DTR, RTS and OUT2");
            byte[] sent = new byte[10_000];
            new Random(1).nextBytes(sent);
            AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
            Thread writer = Thread.ofPlatform().start(() -> {
                try {
                    first.write(sent, 0, sent.length);
                    second.write(sent, 0, sent.length);
                } catch (ErrnoException | InterruptedException e) {
                    failure.set(e);
                }
            });
            assertArrayEquals(sent, receive(first, sent.length));
            assertArrayEquals(sent, receive(second, sent.length));
            writer.join();
            assertEquals(null, failure.get());
            assertEquals(0, card.overruns());

            byte[] text = "a line\nand".getBytes(StandardCharsets.ISO_8859_1);
            first.write(text, 0, text.length);
            assertArrayEquals(text, receive(first, text.length));
            ErrnoException late =
                    assertThrows(ErrnoException.class, () -> first.read(Deadline.in(Duration.ofMillis(1))));
            assertEquals(Errno.ETIMEDOUT, late.errno());
        }
        assertEquals(0, card.violations.get());
        platform.close();
    }

    private static byte[] receive(Serial8250 port, int count) throws InterruptedException {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) port.read();
        }
        return bytes;
    }

    @Test
    void hangsUpWhenTheDeviceIsRemoved() throws Exception {
        try (OpenedDevice open = platform.open(mdev);
                IntxService line = new IntxService(open.device());
                Serial8250 port = new Serial8250(open.device(), 0, line)) {
            AtomicReference<@Nullable Integer> read = new AtomicReference<>();
            Thread reader = Thread.ofPlatform().name("reader").start(() -> {
                try {
                    read.set(port.read());
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
            Await.blocked(reader);
            platform.remove(mdev);
            // No removal request was sent: the release of its trigger notifies the interrupt thread.
            reader.join();
            ErrnoException gone = assertThrows(ErrnoException.class, () -> port.write(new byte[5000], 0, 5000));
            assertEquals(Errno.ENODEV, gone.errno());
            assertEquals(-1, read.get());
            assertEquals(-1, port.read());
            ErrnoException hungUp = assertThrows(ErrnoException.class, () -> port.read(Deadline.in(LONG)));
            assertEquals(Errno.ENODEV, hungUp.errno());
        }
        platform.close();
    }

    /** Also when the buffer is full. */
    @Test
    void bytesReceivedBeforeTheHangUpRemainReadable() throws Exception {
        try (OpenedDevice open = platform.open(mdev);
                IntxService line = new IntxService(open.device())) {
            Serial8250 port = new Serial8250(open.device(), 0, line);
            byte[] sent = new byte[70_000];
            new Random(2).nextBytes(sent);
            port.write(sent, 0, sent.length);
            Await.until("all has come back", () -> card.isIdle(0));
            port.close();
            int kept = (1 << 16) - 1;
            assertArrayEquals(Arrays.copyOf(sent, kept), receive(port, kept));
            assertEquals(-1, port.read());
            assertEquals(-1, port.read());
        }
        platform.close();
    }

    /** A device that always reports a cause, such as one that is not a UART: its client can still detach. */
    @Test
    void closesADeviceThatAlwaysReportsACause() throws Exception {
        CountDownLatch serving = new CountDownLatch(1000);
        try (OpenedDevice open = platform.open(mdev)) {
            IntxService line = new IntxService(open.device());
            line.add(new IntxService.Source() {
                @Override
                public boolean service() {
                    serving.countDown();
                    return true;
                }

                @Override
                public void hangUp(ErrnoException reason) {}
            });
            open.device()
                    .ioctl(new SetIrqs(
                            SetIrqs.DATA_NONE | SetIrqs.ACTION_TRIGGER,
                            VfioPci.INTX_IRQ,
                            0,
                            1,
                            new SetIrqs.Data.None()));
            Await.until("serving without end", () -> serving.getCount() == 0);
            assertTimeoutPreemptively(LONG, line::close);
        }
        platform.close();
    }

    @Test
    void countsServedInterrupts() throws Exception {
        try (OpenedDevice open = platform.open(mdev);
                IntxService line = new IntxService(open.device());
                Serial8250 port = new Serial8250(open.device(), 0, line)) {
            Deadline deadline = Deadline.in(LONG);
            for (int count = 1; count <= 3; count++) {
                port.write(new byte[16], 0, 16);
                receive(port, 16);
                assertEquals(count, line.awaitServed(count, deadline));
            }
            assertEquals(3, line.awaitServed(4, Deadline.in(Duration.ZERO)));
        }
        platform.close();
    }

    @Test
    void opensAllOrNothing() throws ErrnoException {
        String nobody = "00000000-0000-0000-0000-000000000000";
        ErrnoException noDevice =
                assertThrows(ErrnoException.class, () -> AttachedDevice.open(platform.vfio, nobody, "x"));
        assertEquals(Errno.ENODEV, noDevice.errno());
        VfioDevice device;
        try (AttachedDevice open =
                AttachedDevice.open(platform.vfio, mdev.uuid().toString(), "x")) {
            device = open.device();
            assertEquals(Optional.of("x"), platform.vfio.holder(0));
        }
        assertEquals(mdev.uuid().toString(), device.name());
        assertEquals(Optional.empty(), platform.vfio.holder(0));
        platform.close();
    }
}
