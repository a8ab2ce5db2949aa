package vfio.mdev.irq;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.SetIrqs.Data;
import mdev.api.vfio.VfioPci;
import mdev.sync.FaultLog;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.helpers.NOPLogger;
import vfio.mdev.uapi.DeviceApi;

class IrqTableTest {
    private static final int NONE = SetIrqs.DATA_NONE;
    private static final int BOOL = SetIrqs.DATA_BOOL;
    private static final int EVENTFD = SetIrqs.DATA_EVENTFD;
    private static final int TRIGGER = SetIrqs.ACTION_TRIGGER;

    private final IrqTable table = new IrqTable(DeviceApi.PCI, new FaultLog(NOPLogger.NOP_LOGGER, "test"));
    private final Signals a = new Signals();
    private final Signals b = new Signals();

    @BeforeEach
    void aDeviceWithFourMsix() {
        table.setUp(kinds(1, 1, 4, 0, 1));
    }

    /** INTx is a line; of the others only MSI-X is maskable. */
    private static List<IrqInfo> kinds(int... counts) {
        return IntStream.range(0, counts.length)
                .mapToObj(index -> new IrqInfo(index, flags(index), counts[index]))
                .toList();
    }

    private static int flags(int index) {
        return switch (index) {
            case VfioPci.INTX_IRQ -> IrqInfo.MASKABLE | IrqInfo.AUTOMASKED;
            case VfioPci.MSIX_IRQ -> IrqInfo.MASKABLE;
            default -> 0;
        };
    }

    /**
     * Names of libvfio-user's own cases where it has them ({@code test_device_set_irqs.py}); all are EINVAL and change
     * nothing.
     */
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        // flags: D none, B bool, E eventfd; M mask, U unmask, T trigger; ? an unknown bit. data: how many, - for none
        "no flags, '', 2, 0, 1, -",
        "no data type, T, 2, 0, 1, -",
        "no action, D, 2, 0, 1, -",
        "bad_flags_MASK_and_UNMASK, DMU, 2, 0, 1, -",
        "bad_flags_DATA_NONE_and_DATA_BOOL, DBM, 2, 0, 1, -",
        "unknown flag, DT?, 2, 0, 1, -",
        "bad_index, DT, 5, 0, 1, -",
        "index 0xffffffff, DT, -1, 0, 1, -",
        "kind without interrupts, DT, 3, 0, 0, -",
        "bad_start_count_range, DT, 2, 4, 1, -",
        "bad_start_count_range2, DT, 2, 0, 5, -",
        "bad_start_count_range3, DT, 2, 3, 2, -",
        "start that wraps with count, DT, 2, -1, 2, -",
        "count that wraps with start, DT, 2, 1, -1, -",
        "bad_action_for_req_irq, DM, 4, 0, 1, -",
        "bad_start_count_range_for_req_irq, DT, 4, 0, 2, -",
        "bad_start_for_count_0, DT, 2, 1, 0, -",
        "bad_action_for_count_0, DM, 2, 0, 0, -",
        "bad_action_and_data_type_for_count_0, BT, 2, 0, 0, 0",
        "eventfd with count 0, ET, 2, 0, 0, 0",
        "bad_fds_for_DATA_BOOL, BT, 2, 0, 1, E1",
        "bad_fds_for_DATA_NONE, DT, 2, 0, 1, E1",
        "bad_fds_for_count_2, ET, 2, 0, 2, E1",
        "trigger_bool_too_small, BT, 2, 0, 2, B1",
        "trigger_bool_too_large, BT, 2, 0, 1, B2",
        "no data for eventfd, ET, 2, 0, 1, -"
    })
    void rejectedTriggersAreClosed(String name, String flags, int index, int start, int count, String data) {
        int bits = flags.chars().map(flag -> 1 << "DBEMUT?".indexOf(flag)).sum();
        Data given = switch (data) {
            case "E1" -> new Data.Triggers(List.of(a));
            case "B1" -> new Data.Bools(List.of(true));
            case "B2" -> new Data.Bools(List.of(true, true));
            case "0" -> bits == (EVENTFD | TRIGGER) ? new Data.Triggers(List.of()) : new Data.Bools(List.of());
            default -> new Data.None();
        };
        SetIrqs request = new SetIrqs(bits, index, start, count, given);
        ErrnoException refused = assertThrows(ErrnoException.class, () -> table.set(request));
        assertEquals(Errno.EINVAL, refused.errno());
        assertEquals(given instanceof Data.Triggers(var triggers) ? triggers.size() : 0, a.closes.get());
        assertTrue(table.snapshot().stream().allMatch(kind -> kind.armed() == 0 && kind.masked() == 0));
    }

    /** Whether a kind is a line or edges follows from its flags, not from its index. */
    @Test
    void firstAutomaskedKindIsTheLine() throws ErrnoException {
        IrqTable other = new IrqTable(DeviceApi.OTHER, new FaultLog(NOPLogger.NOP_LOGGER, "test"));
        int level = IrqInfo.MASKABLE | IrqInfo.AUTOMASKED;
        other.setUp(List.of(new IrqInfo(0, 0, 1), new IrqInfo(1, level, 1), new IrqInfo(2, level, 1)));
        Signals c = new Signals();
        other.set(SetIrqs.arm(0, 0, a));
        other.set(SetIrqs.arm(1, 0, b));
        other.set(SetIrqs.arm(2, 0, c));
        other.trigger(0, 0);
        other.trigger(0, 0);
        assertEquals(2, a.signals.get());
        other.setIntx(true);
        other.setIntx(true);
        other.trigger(1, 0);
        assertAll(() -> assertEquals(1, b.signals.get()), () -> assertEquals(0, c.signals.get()));
        other.set(SetIrqs.unmask(1, 0));
        assertAll(() -> assertEquals(2, a.signals.get()), () -> assertEquals(2, b.signals.get()));
    }

    /** As {@code vfio_ccw_mdev_set_irqs()}. */
    @ParameterizedTest
    @ValueSource(ints = {SetIrqs.ACTION_MASK, SetIrqs.ACTION_UNMASK})
    void channelDeviceTakesOnlyTrigger(int action) {
        IrqTable ccw = new IrqTable(DeviceApi.CCW, new FaultLog(NOPLogger.NOP_LOGGER, "test"));
        ccw.setUp(kinds(1, 1, 1));
        for (int index = 0; index < 3; index++) {
            SetIrqs request = new SetIrqs(NONE | action, index, 0, 1, new Data.None());
            assertEquals(
                    Errno.EINVAL,
                    assertThrows(ErrnoException.class, () -> ccw.set(request)).errno());
        }
    }

    private void set(int flags, int start, int count, Data data) throws ErrnoException {
        table.set(new SetIrqs(flags, VfioPci.MSIX_IRQ, start, count, data));
    }

    @Test
    void armsReplacesAndDisarms() throws ErrnoException {
        set(EVENTFD | TRIGGER, 1, 2, new Data.Triggers(List.of(a, b)));
        assertFalse(table.armed(VfioPci.MSIX_IRQ, 0));
        assertTrue(table.armed(VfioPci.MSIX_IRQ, 1));
        table.trigger(VfioPci.MSIX_IRQ, 1);
        table.trigger(VfioPci.MSIX_IRQ, 2);
        table.trigger(VfioPci.MSIX_IRQ, 2);
        table.trigger(VfioPci.MSIX_IRQ, 0);
        table.trigger(VfioPci.MSIX_IRQ, 4);
        table.trigger(VfioPci.MSIX_IRQ, -1);
        table.trigger(9, 0);
        assertAll(() -> assertEquals(1, a.signals.get()), () -> assertEquals(2, b.signals.get()));

        // A null disarms a vector, and vectors beyond the range stay armed (libvfio-user's irqs_disable() drops them).
        set(EVENTFD | TRIGGER, 2, 1, new Data.Triggers(Arrays.asList((IrqTrigger) null)));
        assertAll(() -> assertEquals(0, a.closes.get()), () -> assertEquals(1, b.closes.get()));
        set(NONE | TRIGGER, 0, 0, new Data.None());
        assertEquals(1, a.closes.get());
        table.trigger(VfioPci.MSIX_IRQ, 1);
        assertEquals(1, a.signals.get());
    }

    @Test
    void maskedSignalIsPending() throws ErrnoException {
        set(EVENTFD | TRIGGER, 0, 2, new Data.Triggers(List.of(a, b)));
        set(BOOL | SetIrqs.ACTION_MASK, 0, 2, new Data.Bools(List.of(true, false)));
        table.trigger(VfioPci.MSIX_IRQ, 0);
        table.trigger(VfioPci.MSIX_IRQ, 0);
        table.trigger(VfioPci.MSIX_IRQ, 1);
        assertAll(() -> assertEquals(0, a.signals.get()), () -> assertEquals(1, b.signals.get()));
        set(NONE | SetIrqs.ACTION_UNMASK, 0, 2, new Data.None());
        assertAll(() -> assertEquals(1, a.signals.get()), () -> assertEquals(1, b.signals.get()));
        table.trigger(VfioPci.MSIX_IRQ, 0);
        assertEquals(2, a.signals.get());
    }

    @Test
    void pendingSignalIsDroppedWithItsTrigger() throws ErrnoException {
        set(EVENTFD | TRIGGER, 0, 1, new Data.Triggers(List.of(a)));
        set(NONE | SetIrqs.ACTION_MASK, 0, 1, new Data.None());
        table.trigger(VfioPci.MSIX_IRQ, 0);
        set(NONE | TRIGGER, 0, 0, new Data.None());
        set(EVENTFD | TRIGGER, 0, 1, new Data.Triggers(List.of(b)));
        set(NONE | SetIrqs.ACTION_UNMASK, 0, 1, new Data.None());
        assertEquals(0, a.signals.get() + b.signals.get());
    }

    /** One thread unmasks while another signals: the signal is delivered exactly once. */
    @Test
    void noSignalIsLostWhileItIsUnmasked() throws Exception {
        record Rig(EdgeVector vector, Signals signals) {}
        Race.run(
                () -> {
                    var rig = new Rig(new EdgeVector(true), new Signals());
                    rig.vector.arm(new Armed(rig.signals, new FaultLog(NOPLogger.NOP_LOGGER, "test")));
                    rig.vector.mask();
                    return rig;
                },
                rig -> rig.vector.trigger(),
                rig -> rig.vector.unmask(),
                rig -> assertEquals(1, rig.signals.signals.get()));
    }

    @ParameterizedTest
    @ValueSource(ints = {SetIrqs.ACTION_MASK, SetIrqs.ACTION_UNMASK})
    void masksOnlyMaskableInterrupts(int action) {
        SetIrqs request = new SetIrqs(NONE | action, VfioPci.MSI_IRQ, 0, 1, new Data.None());
        assertEquals(
                Errno.ENOTTY,
                assertThrows(ErrnoException.class, () -> table.set(request)).errno());
        assertTrue(table.snapshot().stream().allMatch(kind -> kind.masked() == 0));
    }

    @Test
    void loopsBack() throws ErrnoException {
        set(EVENTFD | TRIGGER, 0, 2, new Data.Triggers(List.of(a, b)));
        set(NONE | TRIGGER, 0, 3, new Data.None());
        set(BOOL | TRIGGER, 0, 2, new Data.Bools(List.of(false, true)));
        assertAll(() -> assertEquals(1, a.signals.get()), () -> assertEquals(2, b.signals.get()));
    }

    @Test
    void rejectsATriggerForMasking() {
        SetIrqs request = new SetIrqs(EVENTFD | SetIrqs.ACTION_UNMASK, 0, 0, 1, new Data.Triggers(List.of(a)));
        assertEquals(
                Errno.ENOTTY,
                assertThrows(ErrnoException.class, () -> table.set(request)).errno());
        assertEquals(1, a.closes.get());
    }

    @Test
    void keepsNothingOnceClosed() throws ErrnoException {
        set(EVENTFD | TRIGGER, 0, 1, new Data.Triggers(List.of(a)));
        table.close();
        assertEquals(1, a.closes.get());
        ErrnoException late =
                assertThrows(ErrnoException.class, () -> set(EVENTFD | TRIGGER, 0, 1, new Data.Triggers(List.of(b))));
        assertEquals(Errno.ENODEV, late.errno());
        assertEquals(1, b.closes.get());
        table.setIntx(true);
        table.trigger(VfioPci.MSIX_IRQ, 0);
        assertFalse(table.armed(VfioPci.MSIX_IRQ, 0));
        assertEquals(0, a.signals.get() + b.signals.get());
    }

    /** Concurrent arming and closing leave no trigger open, in either order. */
    @Test
    void leavesNoTriggerBehindInARace() throws Exception {
        record Rig(IrqTable table, Signals signals) {}
        Race.run(
                () -> {
                    IrqTable fresh = new IrqTable(DeviceApi.PCI, new FaultLog(NOPLogger.NOP_LOGGER, "test"));
                    fresh.setUp(kinds(0, 1));
                    return new Rig(fresh, new Signals());
                },
                rig -> {
                    try {
                        rig.table.set(SetIrqs.arm(VfioPci.MSI_IRQ, 0, rig.signals));
                    } catch (ErrnoException e) {
                        // the close was first
                    }
                },
                rig -> rig.table.close(),
                rig -> assertEquals(1, rig.signals.closes.get()));
    }
}
