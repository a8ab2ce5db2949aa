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
import mdev.pci.Capability.Msi;
import mdev.pci.Capability.MsiX;
import org.jspecify.annotations.Nullable;

/**
 * The interrupts of one device: an INTx line that all sources share, and messages. Any thread may call; nothing here
 * takes a lock, blocks or allocates.
 *
 * <p>A vendor makes a {@link Source} for each cause that it tells apart, with the vector that is the source's if the
 * guest has enabled messages, and calls it without knowing what the guest has enabled (PCI Local Bus 3.0, 6.8):
 *
 * <ul>
 *   <li>MSI-X: the source sends its vector.
 *   <li>MSI: the same; if the guest has enabled fewer vectors than the source's, the vector modulo their number.
 *   <li>else INTx: the line is the OR of the sources, unless COMMAND disables it or the function has no pin.
 * </ul>
 *
 * <p>A message that the guest has masked, or that is to be sent while Bus Master Enable is clear, is pending until
 * neither is so.
 */
public final class Interrupts {
    /** 6.8.1: the guest enables MSI, and masks vectors if the capability lets it. */
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

        /** The guest can enable all vectors or a smaller power of two of them. */
        @Override
        public int granted(int vector) {
            int logarithm = (int) (config.get(at + Msi.CONTROL, 1) & Msi.MULTIPLE_ENABLE) >> 4;
            return vector & ((1 << logarithm) - 1);
        }
    }

    /** 6.8.2: the guest enables MSI-X, and masks vectors one by one or all at once. */
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

    /** The pending bits of MSI-X as the guest reads them. */
    private record PendingBits(Messages messages) implements Registers {
        @Override
        public long read(long offset, int size) {
            return messages.pending((int) offset / Long.BYTES) >>> (8 * (offset % Long.BYTES));
        }

        @Override
        public void write(long offset, int size, long value) {}
    }

    private record Msix(MsiX capability, Messages messages, MsixTable table) {}

    /** The vectors of MSI-X; and the sources. */
    private static final int MOST = 2048;

    private final ConfigSpace config;

    /**
     * None without the capability; so is the next. What a guest cannot find it cannot enable: then it is enabled by the
     * user's arming it, as the MSI of the kernel's sample.
     */
    private final @Nullable Messages msi;

    private final @Nullable Msix msix;

    /** Where the pending bits of MSI lie in configuration space; not in it if there are none. */
    private final int msiPending;

    private final boolean pin;

    /** All that were made, while the device is being made; then only read. */
    private final List<Source> sources = new ArrayList<>();

    /** How many sources are high. {@link #drive} makes the line follow. */
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
     * A cause of interrupts, such as one port of a serial card or one queue of a network card. Calls for one source
     * come in the order of what they tell: from under the lock that guards its state.
     */
    public final class Source {
        private final int vector;
        private final AtomicBoolean high = new AtomicBoolean();

        private Source(int vector) {
            this.vector = vector;
        }

        /**
         * Sets the source's level. With messages enabled, the source sends its message when it rises: each source for
         * itself, so that one that rises while another with the same vector is high is not lost. When it falls, a
         * message that is still pending is taken back, unless another source with that vector is high.
         */
        public void level(boolean high) {
            set(high, false);
        }

        /**
         * The cause has occurred, again or for the first time: {@code level(true)}, but with messages enabled each call
         * sends one. The level stays high until {@code level(false)}, which the guest's acknowledgement causes.
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
                // What is pending when the last source has fallen would tell of nothing (6.8.2.4); unless another has
                // risen meanwhile.
                message(index, vector);
            }
            drive(user);
        }
    }

    /** Whether a source is high whose message is the same as that of a vector. */
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
     * A new source. Called while the device is being made. Several can have the same vector.
     *
     * @param vector of MSI-X or MSI, 0 to 2047; one that is not declared in the kind that the guest has enabled is not
     *     sent
     * @throws IllegalStateException there are 2048
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
     * Sends a message, now or when the guest allows it.
     *
     * @param index {@link VfioPci#MSI_IRQ} or {@link VfioPci#MSIX_IRQ}; dropped if the guest has not enabled the kind
     * @param vector from 0; one that the user has not armed is dropped
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
     * Takes back a message that is still pending: what it would tell is over, such as when the guest has read and
     * cleared its cause.
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

    /** The kind of interrupt that the guest has enabled; {@link VfioPci#INTX_IRQ} if no messages. */
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

    /** The bits that change by themselves in the byte at an offset of configuration space. */
    int live(int at) {
        if (at == Header.STATUS) {
            return pending() ? Header.STATUS_INTERRUPT : 0;
        }
        int shift = Byte.SIZE * (at - msiPending);
        return msi == null || shift < 0 || shift >= Integer.SIZE ? 0 : (int) (msi.pending(0) >>> shift) & 0xff;
    }

    /** The MSI-X structures that lie in a BAR. */
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

    /** A user is there: from now on the line is his; what is pending was another's. Pairs with {@link #release()}. */
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

    /** No interrupt passes until {@link #resume}. */
    void stop() {
        stopped = context;
        context = null;
    }

    void resume() {
        context = stopped;
        stopped = null;
        update();
    }

    /** Of the stopped device: levels, table and pending messages. */
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

    /** Stops, too. A newer version may have more sources and messages. */
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

    /** Back to power-on, except for the sources: these are the vendor's. */
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

    /** Makes line and messages follow what the guest has set in configuration space or in the MSI-X table. */
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
     * Sets the line to what it has to be, until that holds still. Of several threads here the last to set the line
     * looks again after it: so when all have left, the line is what the sources are.
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
