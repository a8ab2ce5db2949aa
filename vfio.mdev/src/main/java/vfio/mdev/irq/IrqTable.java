package vfio.mdev.irq;

import static mdev.api.vfio.SetIrqs.ACTION_MASK;
import static mdev.api.vfio.SetIrqs.ACTION_TRIGGER;
import static mdev.api.vfio.SetIrqs.ACTION_UNMASK;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.SetIrqs;
import mdev.sync.FaultLog;
import vfio.mdev.uapi.DeviceApi;

/**
 * All interrupts of one open device, from open to release. The framework owns the triggers; the vendor only raises
 * interrupts. Signalling takes no lock and allocates nothing.
 *
 * <p>There is no lock: each interrupt is a separate atomic. The order of accesses prevents an armed trigger from
 * remaining in a closed table: {@link #close} sets {@link #closed} before it disarms, and arming checks it after it has
 * armed.
 */
public final class IrqTable {
    /** The maximum of any PCI device: the size field of the MSI-X capability (PCI Local Bus 3.0, 6.8.2.3). */
    public static final int MAX_COUNT = 2048;

    private final DeviceApi api;
    private final FaultLog faults;
    /** Exists before the vendor has reported its interrupts, because it may raise its line within {@code open}. */
    private final IntxLine intx = new IntxLine();
    /** By index, then by vector. */
    private volatile Vector[][] vectors = {};

    private volatile boolean closed;

    /** @param faults logs failures of users' triggers */
    public IrqTable(DeviceApi api, FaultLog faults) {
        this.api = api;
        this.faults = faults;
    }

    /**
     * Sets up the interrupts of a newly opened device.
     *
     * @param kinds the vendor's answers by index; an answer with an invalid count counts as absent
     */
    public void setUp(List<IrqInfo> kinds) {
        vectors = table(kinds);
    }

    /**
     * Called when another version of the vendor has opened the device: keeps the interrupts with their triggers, and
     * adds those that the new version has in addition.
     *
     * @throws ErrnoException EINVAL: the new version lacks an interrupt
     */
    public void extend(List<IrqInfo> kinds) throws ErrnoException {
        Vector[][] before = vectors;
        Vector[][] after = table(kinds);
        for (int index = 0; index < before.length; index++) {
            int count = index < after.length ? after[index].length : 0;
            if (count < before[index].length) {
                throw new ErrnoException(
                        Errno.EINVAL,
                        "the device had " + before[index].length + " interrupts of index " + index + ", and now has "
                                + count);
            }
            System.arraycopy(before[index], 0, after[index], 0, before[index].length);
        }
        vectors = after;
    }

    private Vector[][] table(List<IrqInfo> kinds) {
        Vector[][] table = new Vector[kinds.size()][];
        boolean hasLine = false;
        for (int index = 0; index < table.length; index++) {
            IrqInfo info = kinds.get(index);
            boolean maskable = (info.flags() & IrqInfo.MASKABLE) != 0;
            Vector[] kind = new Vector[info.count() > MAX_COUNT ? 0 : Math.max(0, info.count())];
            Arrays.setAll(kind, vector -> new EdgeVector(maskable));
            if (!hasLine && kind.length > 0 && (info.flags() & IrqInfo.AUTOMASKED) != 0) {
                kind[0] = intx;
                hasLine = true;
            }
            table[index] = kind;
        }
        return table;
    }

    /** Disarms all triggers and rejects new ones; later signals of the vendor are dropped. Idempotent. */
    public void close() {
        closed = true;
        for (Vector[] kind : vectors) {
            disarm(kind);
        }
    }

    /** As in {@link mdev.api.vfio.VfioContext}, as are the next two. */
    public boolean armed(int index, int vector) {
        Vector[][] table = vectors;
        return has(table, index, vector) && table[index][vector].armed();
    }

    public void trigger(int index, int vector) {
        Vector[][] table = vectors;
        if (has(table, index, vector) && table[index][vector] instanceof EdgeVector edge) {
            edge.trigger();
        }
    }

    public void setIntx(boolean high) {
        intx.set(high);
    }

    private static boolean has(Vector[][] table, int index, int vector) {
        return index >= 0 && index < table.length && vector >= 0 && vector < table[index].length;
    }

    /**
     * {@code VFIO_DEVICE_SET_IRQS}: checked as a whole first, so that a rejected request changes nothing.
     *
     * @throws ErrnoException EINVAL: see {@link SetIrqsRules}; ENOTTY: MASK or UNMASK of a kind that is not {@link
     *     IrqInfo#MASKABLE}, or by a trigger; ENODEV: the device is being closed
     */
    public void set(SetIrqs request) throws ErrnoException {
        Vector[][] table = vectors;
        try {
            SetIrqsRules.check(
                    api, request, Stream.of(table).mapToInt(kind -> kind.length).toArray());
            boolean masks = (request.flags() & ACTION_TRIGGER) == 0;
            if (masks && !table[request.index()][request.start()].maskable()) {
                // As in vfio-pci for MSI and MSI-X, whose IRQ_INFO has no MASKABLE.
                throw new ErrnoException(Errno.ENOTTY, "IRQ_INFO of index " + request.index() + " has no MASKABLE");
            }
            if (masks
                    && request.data() instanceof SetIrqs.Data.Triggers(var values)
                    && values.stream().anyMatch(Objects::nonNull)) {
                // As in vfio-pci for all but INTx: the eventfd would have to be polled, and an IrqTrigger can only be
                // signalled.
                throw new ErrnoException(Errno.ENOTTY, "an eventfd cannot mask or unmask here");
            }
        } catch (ErrnoException e) {
            discard(request);
            throw e;
        }
        apply(request, table[request.index()]);
        if (closed) {
            disarm(table[request.index()]);
            throw new ErrnoException(Errno.ENODEV);
        }
    }

    /** Closes the triggers of a failed request: the framework owns them in any case. */
    private void discard(SetIrqs request) {
        discard(request, faults);
    }

    /** As above, for a request that reached no table. */
    public static void discard(SetIrqs request, FaultLog faults) {
        if (request.data() instanceof SetIrqs.Data.Triggers(var values)) {
            for (var trigger : values) {
                if (trigger != null) {
                    Armed.close(trigger, faults);
                }
            }
        }
    }

    private void apply(SetIrqs request, Vector[] kind) {
        boolean trigger = (request.flags() & ACTION_TRIGGER) != 0;
        if (trigger && request.count() == 0) {
            disarm(kind);
            return;
        }
        for (int i = 0; i < request.count(); i++) {
            Vector vector = kind[request.start() + i];
            switch (request.data()) {
                case SetIrqs.Data.None() -> act(request, vector);
                case SetIrqs.Data.Bools(var values) -> {
                    if (values.get(i)) {
                        act(request, vector);
                    }
                }
                case SetIrqs.Data.Triggers(var values) -> {
                    var given = values.get(i);
                    if (given != null) {
                        vector.arm(new Armed(given, faults));
                    } else if (trigger) {
                        vector.disarm();
                    }
                }
            }
        }
    }

    private static void act(SetIrqs request, Vector vector) {
        switch (request.flags() & SetIrqsRules.ACTION) {
            case ACTION_MASK -> vector.mask();
            case ACTION_UNMASK -> vector.unmask();
            default -> vector.loopback();
        }
    }

    private static void disarm(Vector[] kind) {
        for (Vector vector : kind) {
            vector.disarm();
        }
    }

    /** The current state of the interrupts of one index. */
    public record KindState(int index, int count, int armed, int masked) {}

    /** The states in the order of the indices, for listings. */
    public List<KindState> snapshot() {
        Vector[][] table = vectors;
        List<KindState> kinds = new ArrayList<>(table.length);
        for (int index = 0; index < table.length; index++) {
            kinds.add(new KindState(
                    index,
                    table[index].length,
                    count(table[index], Vector::armed),
                    count(table[index], Vector::masked)));
        }
        return kinds;
    }

    private static int count(Vector[] kind, Predicate<Vector> what) {
        return (int) Stream.of(kind).filter(what).count();
    }
}
