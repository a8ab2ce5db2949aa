package mdev.pci;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import mdev.device.Registers;
import mdev.pci.Capability.Msi;
import mdev.pci.Capability.MsiX;
import org.jspecify.annotations.Nullable;

/**
 * The interrupts of one device: an INTx line that all sources share, and messages. Thread-safe; no method takes a lock,
 * blocks or allocates.
 *
 * <p>A vendor creates a {@link Source} for each cause of interrupts, with the vector that it uses if the guest has
 * enabled messages. The vendor calls the source alike for all kinds of interrupt (PCI Local Bus 3.0, 6.8):
 *
 * <ul>
 *   <li>MSI-X: the source sends its vector.
 *   <li>MSI: the source sends its vector, modulo the number of vectors that the guest has enabled.
 *   <li>INTx otherwise: the line is the OR of the sources, unless COMMAND disables it or the function has no pin.
 * </ul>
 *
 * <p>A message is pending while the guest masks its vector or Bus Master Enable is clear.
 */
public final class Interrupts {
    /** 6.8.1: the enable bit of MSI, and the mask bits if the capability has them. */
    private record MsiRules(ConfigSpace config, int at, boolean maskable) implements Messages.Rules {
        @Override
        public boolean enabled() {
            return config.has(at + Msi.CONTROL, Msi.ENABLE);
        }

        @Override
        public boolean masked(int vector) {
            return maskable
                    && config.has(at + Msi.MASK_BITS + vector / Short.SIZE * Short.BYTES, 1 << vector % Short.SIZE);
        }

        /** Multiple Message Enable: the guest enables a power of two of the vectors. */
        @Override
        public int granted(int vector) {
            int logarithm = (int) (config.get(at + Msi.CONTROL, 1) & Msi.MULTIPLE_ENABLE) >> 4;
            return vector & ((1 << logarithm) - 1);
        }
    }

    /** 6.8.2: the enable bit of MSI-X, the function mask and the mask bits of the vectors. */
    private record MsixRules(ConfigSpace config, int at, MsixTable table) implements Messages.Rules {
        @Override
        public boolean enabled() {
            return config.has(at + MsiX.CONTROL, MsiX.ENABLE);
        }

        @Override
        public boolean masked(int vector) {
            return config.has(at + MsiX.CONTROL, MsiX.FUNCTION_MASK) || table.masked(vector);
        }

        @Override
        public int granted(int vector) {
            return vector;
        }
    }

    /** The pending bit array of MSI-X. */
    private record PendingBits(Messages messages) implements Registers {
        @Override
        public long read(long offset, int size) {
            return messages.pending((int) offset / Long.BYTES) >>> (8 * (offset % Long.BYTES));
        }

        @Override
        public void write(long offset, int size, long value) {}
    }

    private record Msix(MsiX capability, Messages messages, MsixTable table) {}

    /** The limit of MSI-X vectors, and of sources. */
    private static final int MOST = 2048;

    private final ConfigSpace config;

    /**
     * Null without an MSI capability in configuration space, which the guest would enable it by. Messages are then
     * enabled as soon as the user arms a vector, as those of the kernel's sample.
     */
    private final @Nullable Messages msi;

    /** As {@link #msi}. */
    private final @Nullable Msix msix;

    /** The offset of the pending bits of MSI; beyond configuration space if there are none. */
    private final int msiPending;

    private final boolean pin;

    /** Complete once the device is constructed. */
    private final List<Source> sources = new ArrayList<>();

    /** The number of sources that are high; {@link #drive} sets the line from it. */
    private final AtomicInteger levels = new AtomicInteger();

    /** Of the open device, else null. */
    private volatile @Nullable VfioContext context;

    /** Of the open device while it is stopped, else null. */
    private volatile @Nullable VfioContext stopped;

    Interrupts(PciFunction function, ConfigSpace config, BusMaster bus) {
        this.config = config;
        this.pin = function.pin() != PciFunction.Pin.NONE;
        Msi one = function.msi();
        int at = one == null ? 0 : function.offset(one);
        msi = one == null
                ? null
                : new Messages(VfioPci.MSI_IRQ, one.vectors(), bus, new MsiRules(config, at, one.maskable()));
        msiPending = one == null || !one.maskable() ? Header.CONFIG_SIZE : at + Msi.PENDING_BITS;
        MsiX many = function.msix();
        if (many == null) {
            msix = null;
        } else {
            var table = new MsixTable(many.vectors(), this::update);
            var rules = new MsixRules(config, function.offset(many), table);
            msix = new Msix(many, new Messages(VfioPci.MSIX_IRQ, many.vectors(), bus, rules), table);
        }
    }

    /**
     * A cause of interrupts, such as one port of a serial card or one queue of a network card. The vendor serializes
     * the calls for one source, normally by the lock that guards the state behind it.
     */
    public final class Source {
        private final int vector;
        private final AtomicBoolean high = new AtomicBoolean();

        private Source(int vector) {
            this.vector = vector;
        }

        /**
         * Sets the source's level. With messages enabled, each rising edge sends the source's message, also while
         * another source with the same vector is high. A falling edge withdraws a pending message, unless another
         * source with that vector is high.
         */
        public void level(boolean high) {
            set(high, false);
        }

        /**
         * Reports an occurrence of the cause: as {@code level(true)}, but with messages enabled each call sends one.
         * The level stays high until {@code level(false)}, which the vendor calls when the guest acknowledges.
         */
        public void interrupt() {
            set(true, true);
        }

        private void set(boolean now, boolean again) {
            boolean changed = high.getAndSet(now) != now;
            if (changed) {
                levels.getAndAdd(now ? 1 : -1);
            }
            VfioContext user = context;
            if (user == null || !(changed || again)) {
                return;
            }
            int index = enabled(user);
            if (index != VfioPci.INTX_IRQ
                    && (now || (!anyHigh(index, vector) && withdraw(index, vector) && anyHigh(index, vector)))) {
                // A message that is still pending after the last source has fallen is spurious (6.8.2.4), unless
                // another source has risen meanwhile.
                message(index, vector);
            }
            drive(user);
        }
    }

    /** Whether a source is high whose vector the guest has merged with the given one. */
    private boolean anyHigh(int index, int vector) {
        Messages messages = messages(index);
        for (int i = 0; i < sources.size(); i++) {
            Source source = sources.get(i);
            if (source.high.get()
                    && (messages == null || messages.granted(source.vector) == messages.granted(vector))) {
                return true;
            }
        }
        return false;
    }

    /** As {@link #source(int)}, with vector 0. */
    public Source source() {
        return source(0);
    }

    /**
     * Creates a source, while the device is constructed. Several sources can have the same vector.
     *
     * @param vector of MSI-X or MSI, 0 to 2047; dropped if the kind that the guest has enabled does not declare it
     * @throws IllegalStateException there are 2048 already
     */
    public Source source(int vector) {
        if (vector < 0 || vector >= MOST) {
            throw new IllegalArgumentException("vector " + vector + ": 0 to " + (MOST - 1) + " are right");
        }
        if (sources.size() == MOST) {
            throw new IllegalStateException("a device has at most " + MOST + " interrupt sources");
        }
        Source made = new Source(vector);
        sources.add(made);
        return made;
    }

    /**
     * Sends a message; it becomes pending while the guest does not allow it.
     *
     * @param index {@link VfioPci#MSI_IRQ} or {@link VfioPci#MSIX_IRQ}; dropped if the guest has not enabled the kind
     * @param vector from 0; dropped if the user has not armed it
     */
    void message(int index, int vector) {
        VfioContext user = context;
        if (user == null) {
            return;
        }
        Messages messages = messages(index);
        if (messages == null) {
            user.trigger(index, vector);
        } else {
            messages.send(user, vector);
        }
    }

    /**
     * Withdraws a pending message, for example after the guest has read and cleared its cause.
     *
     * @return whether it was pending
     */
    boolean withdraw(int index, int vector) {
        Messages messages = messages(index);
        return messages != null && messages.withdraw(vector);
    }

    private @Nullable Messages messages(int index) {
        return switch (index) {
            case VfioPci.MSI_IRQ -> msi;
            case VfioPci.MSIX_IRQ -> msix == null ? null : msix.messages;
            default -> null;
        };
    }

    /** The kind of interrupt that the guest has enabled; {@link VfioPci#INTX_IRQ} unless it has enabled messages. */
    private int enabled(VfioContext user) {
        return enabled(VfioPci.MSI_IRQ, user)
                ? VfioPci.MSI_IRQ
                : enabled(VfioPci.MSIX_IRQ, user) ? VfioPci.MSIX_IRQ : VfioPci.INTX_IRQ;
    }

    private boolean enabled(int index, VfioContext user) {
        Messages messages = messages(index);
        return messages == null ? user.armed(index, 0) : messages.enabled();
    }

    /** Whether a source is high: the Interrupt Status bit. */
    boolean pending() {
        return levels.get() != 0;
    }

    /** The bits that the device sets in the byte at an offset of configuration space. */
    int live(int at) {
        if (at == Header.STATUS) {
            return pending() ? Header.STATUS_INTERRUPT : 0;
        }
        int shift = Byte.SIZE * (at - msiPending);
        return msi == null || shift < 0 || shift >= Integer.SIZE ? 0 : (int) (msi.pending(0) >>> shift) & 0xff;
    }

    /** The MSI-X structures in a BAR. */
    List<MsixBar.Part> structures(int bar) {
        List<MsixBar.Part> structures = new ArrayList<>();
        if (msix != null && msix.capability.tableBar() == bar) {
            structures.add(MsixBar.Part.of(msix.capability.tableOffset(), msix.capability.tableSize(), msix.table));
        }
        if (msix != null && msix.capability.pendingBar() == bar) {
            structures.add(MsixBar.Part.of(
                    msix.capability.pendingOffset(), msix.capability.pendingSize(), new PendingBits(msix.messages)));
        }
        return structures;
    }

    /** Directs interrupts to a new user, without the pending messages of the last. Paired with {@link #release()}. */
    void open(VfioContext user) {
        if (msix != null) {
            msix.table.forgetUser();
        }
        clear();
        context = user;
        drive(user);
    }

    void release() {
        context = null;
        stopped = null;
    }

    /** Blocks all interrupts until {@link #resume}. */
    void stop() {
        stopped = context;
        context = null;
    }

    void resume() {
        context = stopped;
        stopped = null;
        update();
    }

    /** Saves levels, table and pending messages of the stopped device. */
    DeviceState save() {
        DeviceState state = DeviceState.version(1)
                .with("high", sources.stream().map(source -> source.high.get()).toList());
        if (msi != null) {
            state = state.with("msi_pending", msi.save());
        }
        return msix == null
                ? state
                : state.with("msix_pending", msix.messages.save()).with("msix_table", msix.table.save());
    }

    /** Stops the interrupts and restores their state. A newer version may have more sources and messages. */
    void restore(DeviceState state) throws ErrnoException {
        if (context != null) {
            stop();
        }
        List<?> high = state.list("high");
        if (high.size() > sources.size()) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    "the device had " + high.size() + " interrupt sources, and now has " + sources.size());
        }
        for (int i = 0; i < high.size(); i++) {
            sources.get(i).set(Boolean.TRUE.equals(high.get(i)), false);
        }
        if (msi != null && state.has("msi_pending")) {
            msi.restore(state.list("msi_pending"));
        }
        if (msix != null && state.has("msix_table")) {
            msix.messages.restore(state.list("msix_pending"));
            msix.table.restore(state.section("msix_table"));
        }
    }

    /** Resets to power-on, except for the levels of the sources, which the vendor resets. */
    void reset() {
        if (msix != null) {
            msix.table.reset();
        }
        clear();
    }

    private void clear() {
        if (msi != null) {
            msi.clear();
        }
        if (msix != null) {
            msix.messages.clear();
        }
    }

    /** Applies a change of configuration space or of the MSI-X table to line and messages. */
    void update() {
        VfioContext user = context;
        if (user == null) {
            return;
        }
        drive(user);
        if (msi != null) {
            msi.update(user);
        }
        if (msix != null) {
            msix.messages.update(user);
        }
    }

    /**
     * Sets the line from the sources, and repeats if they have changed meanwhile. Of several threads, the last to set
     * the line checks the sources after it, so once all have left, the line matches the sources.
     */
    private void drive(VfioContext user) {
        boolean high;
        do {
            high = intx(user);
            user.setIntx(high);
        } while (high != intx(user));
    }

    private boolean intx(VfioContext user) {
        return pin
                && pending()
                && !config.has(Header.COMMAND, Header.COMMAND_INTX_DISABLE)
                && enabled(user) == VfioPci.INTX_IRQ;
    }
}
