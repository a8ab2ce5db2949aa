package mdev.pci;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import org.jspecify.annotations.Nullable;

/**
 * The interrupts of one device: an INTx line that several sources share, and messages. Any thread may call; nothing
 * here takes a lock, blocks or allocates.
 *
 * <p>INTx is the OR of the sources unless COMMAND disables it or the user has armed messages. With messages armed a
 * source sends message 0 when it rises: each source for itself, so that one that rises while another is high is not
 * lost.
 */
public final class Interrupts {
    private final BooleanSupplier intxDisabled;

    /** The sources that are high, a bit for each. {@link #drive} makes the line follow. */
    private final AtomicInteger levels = new AtomicInteger();

    private int sources;

    /** Of the open device, else null. */
    private volatile @Nullable VfioContext context;

    Interrupts(BooleanSupplier intxDisabled) {
        this.intxDisabled = intxDisabled;
    }

    /** A part of the device that asserts the line by itself, such as one port of a serial card. */
    public final class Source {
        private final int bit;

        private Source(int bit) {
            this.bit = bit;
        }

        /**
         * Sets the source's level. Calls for one source come in the order of what they tell: from under the lock that
         * guards its state.
         */
        public void level(boolean high) {
            int before = high
                    ? levels.getAndAccumulate(bit, (all, one) -> all | one)
                    : levels.getAndAccumulate(~bit, (all, others) -> all & others);
            VfioContext user = context;
            if (high == ((before & bit) != 0) || user == null) {
                return;
            }
            if (high && user.armed(VfioPci.MSI_IRQ, 0)) {
                user.trigger(VfioPci.MSI_IRQ, 0);
            } else if (high && user.armed(VfioPci.MSIX_IRQ, 0)) {
                user.trigger(VfioPci.MSIX_IRQ, 0);
            }
            drive(user);
        }
    }

    /**
     * A new source. Called while the device is being made.
     *
     * @throws IllegalStateException there are 32
     */
    public Source source() {
        if (sources == Integer.SIZE) {
            throw new IllegalStateException("a device has at most 32 interrupt sources");
        }
        return new Source(1 << sources++);
    }

    /**
     * Sends a message.
     *
     * @param index {@link VfioPci#MSI_IRQ} or {@link VfioPci#MSIX_IRQ}
     * @param vector from 0; one that the user has not armed is dropped
     */
    public void message(int index, int vector) {
        VfioContext user = context;
        if (user != null) {
            user.trigger(index, vector);
        }
    }

    /** Whether a source is high: the Interrupt Status bit. */
    boolean pending() {
        return levels.get() != 0;
    }

    /** A user is there: from now on the line is his. Pairs with {@link #release()}. */
    void open(VfioContext user) {
        context = user;
        drive(user);
    }

    void release() {
        context = null;
    }

    /** Makes the line follow a change of COMMAND. */
    void update() {
        VfioContext user = context;
        if (user != null) {
            drive(user);
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
        return pending()
                && !intxDisabled.getAsBoolean()
                && !user.armed(VfioPci.MSI_IRQ, 0)
                && !user.armed(VfioPci.MSIX_IRQ, 0);
    }
}
