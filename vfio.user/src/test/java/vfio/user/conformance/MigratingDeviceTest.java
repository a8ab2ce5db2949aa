package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Migrating.RESUMING;
import static vfio.user.conformance.Migrating.RUNNING;
import static vfio.user.conformance.Migrating.RUNNING_P2P;
import static vfio.user.conformance.Migrating.STOP;
import static vfio.user.conformance.Migrating.STOP_COPY;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Rig.PAGE;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.VfioPci;
import mdev.core.slot.VendorSlot;
import mdev.linux.EventFd;
import mdev.sync.Deadline;
import org.junit.jupiter.api.Test;
import vfio.mdev.TestPlatform;

/** What a device in the midst of a migration does, and what its client and an update of its driver can do. */
final class MigratingDeviceTest {
    private static final long IOVA = 0x10_0000;
    private static final int BAR0 = 0;

    @Test
    void stoppedDevicesAreReachedByConfigurationOnly() throws Exception {
        MigrationCase.run((rig, card, user) -> {
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
        MigrationCase.run((rig, card, user) -> {
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
    void quiescentDevicesDoNoDmaAndAllElse() throws Exception {
        QuiescentCard quiescent = new QuiescentCard();
        MigrationCase.run(quiescent, (rig, card, user) -> {
            Client client = user.client();
            EventFd event = rig.eventFd();
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, 16 * PAGE), rig.memory(16 * PAGE));
            client.ok(
                    Commands.SET_IRQS,
                    Requests.setIrqs(Requests.EVENTFD | Requests.TRIGGER, VfioPci.MSI_IRQ, 0, 1),
                    event.fd());
            Message bells = client.ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(4096, 0, 1, 0));
            bells.fds().forEach(rig::owned);
            FeatureTest.startLogging(client, PAGE);
            quiescent.onQuiesce = () -> Dma.write(card.context(), IOVA + PAGE, (byte) 1); // what it completes
            quiescent.onUnquiesce = () -> Dma.write(card.context(), IOVA + 2 * PAGE, (byte) 1); // what has waited
            for (int from : new int[] {RUNNING, STOP, STOP_COPY}) {
                user.set(from);
                user.set(RUNNING_P2P);
                assertEquals("EBUSY", Dma.errno(() -> Dma.read(card.context(), IOVA, 1)));
                assertEquals("EBUSY", Dma.errno(() -> Dma.write(card.context(), IOVA, (byte) 1)));
                client.write(BAR0, 0, (byte) from);
                assertEquals(from, client.read(BAR0, 0, 1)[0]);
                client.write(VfioPci.CONFIG_REGION, 8, (byte) from);
                card.context().trigger(VfioPci.MSI_IRQ, 0);
                assertEquals(true, event.take());
                RegionIoFdsTest.signal(bells.fds().get(0));
                assertEquals("8=efcdab89", RegionIoFdsTest.rung(rig));
                assertEquals(0b010, FeatureTest.bitmap(client, PAGE), "from " + from);
                user.set(RUNNING);
                assertEquals(0b100, FeatureTest.bitmap(client, PAGE));
                assertEquals("ok", Dma.errno(() -> Dma.read(card.context(), IOVA, 1)));
            }
        });
    }

    @Test
    void logHasWhatTheDeviceWroteUntilItStopped() throws Exception {
        MigrationCase.run((rig, card, user) -> {
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
        MigrationCase.run((_, card, user) -> {
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
        MigrationCase.run((rig, card, user) -> {
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

    /** As the core does it in a live update; the user stays. */
    private static void replace(Rig rig, StatefulCard from, StatefulCard to) throws ErrnoException {
        replace(rig, from, to, Optional.empty());
    }

    /** @param back the version that continues if {@code to} cannot be opened, which this then throws */
    private static void replace(Rig rig, StatefulCard from, StatefulCard to, Optional<StatefulCard> back)
            throws ErrnoException {
        VendorSlot slot = (VendorSlot) rig.mdev.slot();
        slot.freeze(Deadline.in(TestPlatform.PATIENCE));
        try {
            assertTrue(slot.awaitEmpty(Deadline.in(TestPlatform.PATIENCE)));
            Slot.Occupant user = Objects.requireNonNull(slot.occupant());
            if (!user.isStopped()) {
                from.stop();
            }
            DeviceState state = from.save();
            from.release();
            user.parked();
            try {
                continueWith(to, state, slot);
            } catch (ErrnoException e) {
                continueWith(back.orElseThrow(), state, slot);
                throw e;
            }
        } finally {
            slot.thaw();
        }
    }

    private static void continueWith(StatefulCard version, DeviceState state, VendorSlot slot) throws ErrnoException {
        Slot.Occupant user = Objects.requireNonNull(slot.occupant());
        slot.install(version);
        version.adopt();
        user.reopen(version);
        version.restore(state);
        if (!user.isStopped()) {
            version.resume();
        }
    }

    @Test
    void quiescentDeviceIsUpdated() throws Exception {
        QuiescentCard first = new QuiescentCard();
        MigrationCase.run(first, (rig, _, user) -> {
            user.client().write(BAR0, 7, (byte) 7);
            user.set(RUNNING_P2P);
            QuiescentCard second = new QuiescentCard();
            replace(rig, first, second);
            assertEquals(List.of("quiesce", "stop", "save"), first.took());
            assertEquals(List.of("quiesce", "restore", "resume"), second.took());
            assertEquals(RUNNING_P2P, user.state());
            assertEquals(7, user.client().read(BAR0, 7, 1)[0]);
            assertEquals("EBUSY", Dma.errno(() -> Dma.read(second.context(), IOVA, 1)));

            user.set(STOP);
            QuiescentCard third = new QuiescentCard();
            replace(rig, second, third);
            user.set(RUNNING);
            assertEquals(List.of("quiesce", "restore", "resume", "unquiesce"), third.took());
            assertEquals(7, user.client().read(BAR0, 7, 1)[0]);
            assertEquals(0, second.violations.get() + third.violations.get());
        });
    }

    /** The user may know from an earlier query that the device has the state. */
    @Test
    void updateThatTakesRunningP2pAwayFailsInThatStateOnly() throws Exception {
        QuiescentCard first = new QuiescentCard();
        MigrationCase.run(first, (rig, _, user) -> {
            user.set(RUNNING_P2P);
            StatefulCard without = new StatefulCard();
            QuiescentCard back = new QuiescentCard();
            ErrnoException refused =
                    assertThrows(ErrnoException.class, () -> replace(rig, first, without, Optional.of(back)));
            assertEquals(Errno.EINVAL, refused.errno());
            assertEquals(1, without.releases.get(), "it is not open");
            assertEquals(RUNNING_P2P, user.state());

            user.set(STOP);
            StatefulCard next = new StatefulCard();
            replace(rig, back, next);
            user.refused(Errno.EINVAL, RUNNING_P2P, STOP);
            user.set(RUNNING);
            assertEquals(List.of("restore", "resume"), next.took());

            user.set(STOP);
            QuiescentCard again = new QuiescentCard();
            replace(rig, next, again);
            user.set(RUNNING_P2P);
            user.set(RUNNING);
            assertEquals(List.of("quiesce", "restore", "resume", "unquiesce"), again.took());
            assertEquals(0, back.violations.get() + next.violations.get() + again.violations.get());
        });
    }

    @Test
    void driverIsUpdatedInTheMidstOfAStream() throws Exception {
        MigrationCase.run((rig, card, user) -> {
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
