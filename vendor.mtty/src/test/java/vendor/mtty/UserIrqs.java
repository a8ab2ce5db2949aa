package vendor.mtty;

import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;

/** A user's INTx and MSI 0, with the rules of {@link VfioContext}; it counts the signals that the user gets. */
final class UserIrqs implements VfioContext {
    private boolean intxArmed;
    private boolean msiArmed;
    private boolean line;
    private boolean masked;
    private int intxSignals;
    private int msiSignals;

    /** Arms or disarms INTx or MSI 0. */
    synchronized void arm(int index, boolean armed) {
        if (index == VfioPci.INTX_IRQ) {
            intxArmed = armed;
            signalLine();
        } else {
            msiArmed = armed;
        }
    }

    synchronized void mask(boolean on) {
        masked = on;
        signalLine();
    }

    synchronized boolean line() {
        return line;
    }

    /** The INTx signals since the last call. */
    synchronized int takeIntx() {
        int signals = intxSignals;
        intxSignals = 0;
        return signals;
    }

    /** The MSI signals since the last call. */
    synchronized int takeMsi() {
        int signals = msiSignals;
        msiSignals = 0;
        return signals;
    }

    @Override
    public synchronized boolean armed(int index, int vector) {
        return vector == 0
                && switch (index) {
                    case VfioPci.INTX_IRQ -> intxArmed;
                    case VfioPci.MSI_IRQ -> msiArmed;
                    default -> false;
                };
    }

    @Override
    public synchronized void trigger(int index, int vector) {
        if (index == VfioPci.MSI_IRQ && armed(index, vector)) {
            msiSignals++;
        }
    }

    @Override
    public synchronized void setIntx(boolean high) {
        line = high;
        signalLine();
    }

    private void signalLine() {
        if (line && !masked && intxArmed) {
            masked = true;
            intxSignals++;
        }
    }
}
