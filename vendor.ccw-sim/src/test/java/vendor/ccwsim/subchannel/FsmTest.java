package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vendor.ccwsim.subchannel.Guest.refused;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioNotifier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vendor.ccwsim.channel.CcwDevice;
import vendor.ccwsim.channel.DataTransfer;
import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.Irb;
import vendor.ccwsim.channel.Orb;
import vendor.ccwsim.channel.Scsw;
import vendor.ccwsim.channel.SubchannelStatus;
import vendor.ccwsim.subchannel.Fsm.Event;
import vendor.ccwsim.subchannel.Fsm.State;
import vfio.mdev.Await;

/**
 * The state machine: a user's requests in each state, and the errno of each.
 *
 * <pre>
 *                I/O request   halt    clear
 * NOT_OPER       EIO           EIO     EIO
 * STANDBY        EIO           EIO     EIO
 * IDLE           starts        done    done
 * CP_PROCESSING  EAGAIN        EAGAIN  EAGAIN
 * CP_PENDING     EBUSY         done    done
 * </pre>
 */
@Timeout(300)
class FsmTest {
    private static final int DATA = 0x1000;

    /** A device whose commands do not end until it is told. */
    private static class Stuck implements CcwDevice {
        final CountDownLatch executing = new CountDownLatch(1);
        final CountDownLatch free = new CountDownLatch(1);

        @Override
        public int execute(int command, DataTransfer transfer) throws InterruptedException {
            executing.countDown();
            free.await();
            return DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END;
        }

        @Override
        public void interrupt() {}

        @Override
        public void proceed() {}

        @Override
        public void reset() {}

        @Override
        public DeviceState save() {
            return DeviceState.version(1);
        }

        @Override
        public void restore(DeviceState state) {}
    }

    private static Guest nop(Guest guest) {
        return guest.ccw(0x03, Guest.SUPPRESS_LENGTH, 1, DATA);
    }

    private static @Nullable Errno errno(Executable call) {
        try {
            call.execute();
            return null;
        } catch (ErrnoException e) {
            return e.errno();
        }
    }

    private interface Executable {
        void execute() throws ErrnoException;
    }

    private static void allRefused(Errno errno, Guest guest) throws ErrnoException {
        refused(errno, () -> nop(guest).start());
        assertEquals(-errno.number(), guest.retCode(0));
        for (int command : new int[] {Guest.HALT, Guest.CLEAR, 3}) {
            refused(errno, () -> guest.async(command));
            assertEquals(-errno.number(), guest.retCode(Guest.ASYNC_CMD_REGION));
        }
    }

    /** As {@code vfio_ccw_jumptable} of Linux 5.10. */
    @Test
    void isTheKernelsJumpTable() {
        var table = new StringBuilder();
        for (State state : State.values()) {
            table.append(state).append(':');
            for (Event event : Event.values()) {
                table.append(' ').append(state.on(event));
            }
            table.append('\n');
        }
        assertEquals("""
                NOT_OPER: NOP IO_ERROR DISABLED_IRQ ASYNC_ERROR
                STANDBY: NOTOPER IO_ERROR IRQ ASYNC_ERROR
                IDLE: NOTOPER IO_REQUEST IRQ ASYNC_REQUEST
                CP_PROCESSING: NOTOPER IO_RETRY IRQ ASYNC_RETRY
                CP_PENDING: NOTOPER IO_BUSY IRQ ASYNC_REQUEST
                """, table.toString());
    }

    @Test
    void closedDeviceIsInStandby() {
        var device = new VfioCcwDevice(
                new UUID(0, 1), new SubchannelId(0, 0, 0x42), SubchannelAttachment.CONSOLE, new ChannelPath());
        for (int region : new int[] {0, Guest.ASYNC_CMD_REGION}) {
            var refusal = assertThrows(
                    ErrnoException.class, () -> device.write(region, 0, MemorySegment.ofArray(new byte[8]), 0, 8));
            assertEquals(Errno.EIO, refusal.errno());
        }
    }

    /** A user that has armed no interrupt: signals to it are lost. */
    private static class Unarmed implements VfioContext {
        final Semaphore lost = new Semaphore(0);

        @Override
        public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
            return List.of(new PinnedPage(0, MemorySegment.ofArray(new byte[PAGE_SIZE])));
        }

        @Override
        public int unpinPages(long[] userPfn) {
            return userPfn.length;
        }

        @Override
        public void registerNotifier(VfioNotifier notifier) {}

        @Override
        public boolean armed(int index, int vector) {
            return false;
        }

        @Override
        public void trigger(int index, int vector) {
            lost.release();
        }

        @Override
        public void setIntx(boolean high) {}
    }

    /** A user whose memory takes its time. */
    private static final class Slow extends Unarmed {
        final CountDownLatch asked = new CountDownLatch(1);
        final CountDownLatch reply = new CountDownLatch(1);
        private final boolean absent;

        Slow(boolean absent) {
            this.absent = absent;
        }

        @Override
        public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
            asked.countDown();
            try {
                reply.await();
            } catch (InterruptedException e) {
                throw new ErrnoException(Errno.EINTR);
            }
            if (absent) {
                throw new ErrnoException(Errno.EFAULT);
            }
            return super.pinPages(userPfn, prot);
        }
    }

    private static Errno start(VfioCcwDevice device) {
        MemorySegment region = MemorySegment.ofArray(new byte[124]);
        new Orb(0, Orb.FMT | Orb.PFCH, 0x100).write(region, 0);
        new Scsw(Scsw.control(0, Scsw.FCTL_START_FUNC, 0, 0), 0, 0, 0, 0).write(region, 12);
        return assertThrows(ErrnoException.class, () -> device.write(0, 0, region, 0, 124))
                .errno();
    }

    private static Errno async(VfioCcwDevice device, int command) {
        byte[] region = {(byte) command, 0, 0, 0, 0, 0, 0, 0};
        return assertThrows(
                        ErrnoException.class,
                        () -> device.write(Guest.ASYNC_CMD_REGION, 0, MemorySegment.ofArray(region), 0, 8))
                .errno();
    }

    /** While the channel fetches a program, requests are to be repeated; a reset overtakes it. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void requestWhileAnotherIsCheckedIsRetried(boolean reset) throws Exception {
        var device = new VfioCcwDevice(
                new UUID(0, 1), new SubchannelId(0, 0, 0x42), SubchannelAttachment.CONSOLE, new ChannelPath());
        var user = new Slow(!reset);
        device.open(user);
        try (ExecutorService cpu = Executors.newSingleThreadExecutor()) {
            Future<Errno> started = cpu.submit(() -> start(device));
            user.asked.await();
            assertEquals(Errno.EAGAIN, start(device));
            assertEquals(Errno.EAGAIN, async(device, Guest.HALT));
            assertEquals(Errno.EAGAIN, async(device, Guest.CLEAR));
            if (reset) {
                device.ioctl(new Reset());
                assertEquals(Errno.EINVAL, async(device, 3), "the subchannel is idle");
            }
            user.reply.countDown();
            assertEquals(reset ? Errno.EAGAIN : Errno.EFAULT, started.get());
            byte[] code = new byte[4];
            device.read(0, 120, MemorySegment.ofArray(code), 0, 4);
            assertEquals(reset ? 0 : -Errno.EFAULT.number(), code[0], "the reset has cleared the region");
            assertEquals(Errno.EINVAL, async(device, 3), "the subchannel is idle");
        } finally {
            device.release();
        }
    }

    /** A user that is not told of a status does not read it: a later one must reach it once it can be told. */
    @Test
    void statusThatNobodyIsToldOfDoesNotHoldBackTheNext() throws Exception {
        var device = new VfioCcwDevice(
                new UUID(0, 1), new SubchannelId(0, 0, 0x42), SubchannelAttachment.CONSOLE, new ChannelPath());
        var user = new Unarmed();
        device.open(user);
        try {
            for (String line : List.of("early", "late")) {
                device.operator().orElseThrow().type(line);
                assertTrue(user.lost.tryAcquire(1, TimeUnit.MINUTES), "attention for " + line);
            }
        } finally {
            device.release();
        }
    }

    @Test
    void pendingProgramIsBusyForStartsOnly() throws Exception {
        var stuck = new Stuck();
        try (Css css = new Css(_ -> stuck);
                Guest guest = css.guest()) {
            nop(guest).start();
            stuck.executing.await();
            refused(Errno.EBUSY, () -> nop(guest).start());
            refused(Errno.EINVAL, () -> guest.async(3));
            assertNull(errno(() -> guest.async(Guest.HALT)));
            refused(Errno.EBUSY, () -> guest.async(Guest.HALT));
            assertNull(errno(() -> guest.async(Guest.CLEAR)));
            assertNull(errno(() -> guest.async(Guest.CLEAR)));
            refused(Errno.EBUSY, () -> guest.async(Guest.HALT));
            stuck.free.countDown();
            assertEquals(Scsw.FCTL_CLEAR_FUNC, guest.interrupted().fctl());
            assertEquals(Scsw.FCTL_START_FUNC, nop(guest).run().fctl());
            assertTrue(guest.quiet(), "a cleared program has no status of its own");
        }
    }

    /** The program had ended by itself before it could be halted: one status for both. */
    @Test
    void haltOfAnEndingProgramIsPartOfItsStatus() throws Exception {
        var stuck = new Stuck();
        try (Css css = new Css(_ -> stuck);
                Guest guest = css.guest()) {
            nop(guest).start();
            stuck.executing.await();
            guest.async(Guest.HALT);
            stuck.free.countDown();
            Scsw status = guest.interrupted();
            assertEquals(Scsw.FCTL_START_FUNC | Scsw.FCTL_HALT_FUNC, status.fctl());
            assertEquals(Scsw.FCTL_START_FUNC, nop(guest).run().fctl(), "no second status came first");
        }
    }

    @Test
    void programThatCannotBeCancelledMakesTheSubchannelNotOperational() throws Exception {
        var stuck = new Stuck();
        try (Css css = new Css(_ -> stuck);
                Guest guest = css.guest()) {
            nop(guest).start();
            stuck.executing.await();
            refused(Errno.EBUSY, () -> guest.device().ioctl(new Reset()));
            allRefused(Errno.EIO, guest);
            stuck.free.countDown();
            guest.device().ioctl(new Reset());
            assertEquals(true, guest.quiet(), "the cancelled program has no status");
            nop(guest).run();
        }
    }

    /** A fault of the simulation ends the program, not the subchannel. */
    @Test
    void failingDeviceIsAChannelControlCheck() throws Exception {
        var failing = new Stuck() {
            @Override
            public int execute(int command, DataTransfer transfer) throws InterruptedException {
                if (command == 0x05) {
                    throw new IllegalStateException("a fault of the simulation");
                }
                return DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END;
            }
        };
        try (Css css = new Css(_ -> failing);
                Guest guest = css.guest()) {
            Scsw status = guest.ccw(0x05, 0, 1, DATA).run();
            assertEquals(SubchannelStatus.CHANNEL_CONTROL_CHECK, status.cstat());
            assertTrue(status.has(Scsw.ESWF), "the subchannel logout is stored");
            Irb irb = Irb.read(MemorySegment.ofArray(ConsolePrograms.ioRegion(guest)), 24);
            assertEquals(0x0080_4000, irb.esw(), "the path was 0x80, and nothing of the program's was wrong");
            assertEquals(0, nop(guest).run().cstat());
        }
    }

    @Test
    void closeDoesNotWaitForeverAndTheNextUserWaits() throws Exception {
        var stuck = new Stuck();
        try (Css css = new Css(_ -> stuck)) {
            UUID uuid = css.create();
            try (Guest guest = css.guest(uuid)) {
                nop(guest).start();
                stuck.executing.await();
            }
            refused(Errno.EBUSY, () -> css.guest(uuid).close());
            stuck.free.countDown();
            Await.until(
                    "the device can be opened",
                    () -> errno(() -> css.guest(uuid).close()) == null);
        }
    }

    @Test
    void updateFailsWhileACommandDoesNotEnd() throws Exception {
        var stuck = new Stuck();
        try (Css css = new Css(_ -> stuck);
                Guest guest = css.guest()) {
            nop(guest).start();
            stuck.executing.await();
            refused(Errno.EBUSY, css::update);
            stuck.free.countDown();
            guest.interrupted();
            nop(guest).run();
        }
    }
}
