package vendor.mtty;

import static vendor.mtty.SerialReg.MSR_CTS;
import static vendor.mtty.SerialReg.MSR_DCD;
import static vendor.mtty.SerialReg.MSR_DSR;
import static vendor.mtty.SerialReg.MSR_RI;
import static vendor.mtty.SerialReg.MSR_TERI;

import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/**
 * The modem status register: four inputs and their changes since the last read by the CPU (data sheet, 8.9). Guarded by
 * the port's lock.
 */
final class ModemStatus {
    private int inputs;
    private int deltas;

    /** Resets to the power-on state, without changes. */
    void reset(int now) {
        inputs = now;
        deltas = 0;
    }

    /** Sets the inputs. RI reports only its trailing edge, the others every change. */
    void set(int now) {
        int changed = inputs ^ now;
        deltas |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
        if ((changed & inputs & MSR_RI) != 0) {
            deltas |= MSR_TERI;
        }
        inputs = now;
    }

    DeviceState save() {
        return DeviceState.version(1).with("inputs", inputs).with("deltas", deltas);
    }

    void restore(DeviceState state) throws ErrnoException {
        inputs = state.number("inputs", 0, 0xff);
        deltas = state.number("deltas", 0, 0xff);
    }

    boolean changed() {
        return deltas != 0;
    }

    /** Reads the register, which acknowledges the changes. */
    int read() {
        int value = inputs | deltas;
        deltas = 0;
        return value;
    }
}
