package vendor.mtty;

import static vendor.mtty.SerialReg.MSR_CTS;
import static vendor.mtty.SerialReg.MSR_DCD;
import static vendor.mtty.SerialReg.MSR_DSR;
import static vendor.mtty.SerialReg.MSR_RI;
import static vendor.mtty.SerialReg.MSR_TERI;

/**
 * The modem status register: four inputs and what changed on them since the CPU looked (data sheet, 8.9). Guarded by
 * the port's lock.
 */
final class ModemStatus {
    private int inputs;
    private int deltas;

    /** After power-on nothing has changed yet. */
    void reset(int now) {
        inputs = now;
        deltas = 0;
    }

    /** The inputs are these now. RI counts when it ends (trailing edge), the others at every change. */
    void set(int now) {
        int changed = inputs ^ now;
        deltas |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
        if ((changed & inputs & MSR_RI) != 0) {
            deltas |= MSR_TERI;
        }
        inputs = now;
    }

    boolean changed() {
        return deltas != 0;
    }

    /** The register; reading it is how the CPU acknowledges the changes. */
    int read() {
        int value = inputs | deltas;
        deltas = 0;
        return value;
    }
}
