package vendor.mtty;

import java.util.ArrayList;
import java.util.List;

/**
 * A second, as simple as possible implementation of the data sheet for comparison. Every derived bit is computed from
 * lists and booleans on each read; nothing is cached or packed.
 */
final class ReferenceUart {
    private record Received(int character, boolean isBreak) {}

    private final List<Received> receiver = new ArrayList<>();
    private boolean fifos;
    private int fcr;
    private int ier;
    private int lcr;
    private int mcr;
    private int scr;
    private int dll;
    private int dlm;
    private boolean overrun;
    private boolean breakAtTop;
    private boolean transmitting;
    private int polls;
    private boolean thrEmptyUnseen;
    private boolean cts = true;
    private boolean dsr = true;
    private boolean ri;
    private boolean dcd = true;
    private boolean ctsChanged;
    private boolean dsrChanged;
    private boolean riEnded;
    private boolean dcdChanged;
    private boolean breakOnLine;

    int read(int register) {
        boolean dlab = lcr >= 0x80;
        return switch (register) {
            case 0 -> dlab ? dll : readRbr();
            case 1 -> dlab ? dlm : ier;
            case 2 -> readIir();
            case 3 -> lcr;
            case 4 -> mcr;
            case 5 -> readLsr();
            case 6 -> readMsr();
            default -> scr;
        };
    }

    void write(int register, int value) {
        boolean dlab = lcr >= 0x80;
        switch (register) {
            case 0 -> {
                if (dlab) {
                    dll = value;
                } else {
                    writeThr(value);
                }
            }
            case 1 -> {
                if (dlab) {
                    dlm = value;
                } else {
                    boolean newlyEnabled = bit(value, 1) && !bit(ier, 1);
                    ier = value % 16;
                    if (newlyEnabled && !transmitting) {
                        thrEmptyUnseen = true;
                    }
                }
            }
            case 2 -> writeFcr(value);
            case 3 -> {
                lcr = value;
                lineChanged();
            }
            case 4 -> {
                mcr = value % 32;
                modemChanged();
                lineChanged();
            }
            case 7 -> scr = value;
            default -> {
                // Read-only.
            }
        }
    }

    boolean interrupt() {
        return cause() != 1;
    }

    private static boolean bit(int value, int number) {
        return (value >> number) % 2 == 1;
    }

    private int depth() {
        return fifos ? 16 : 1;
    }

    private int trigger() {
        return fifos ? new int[] {1, 4, 8, 14}[fcr / 64] : 1;
    }

    private int cause() {
        if (bit(ier, 2) && (overrun || breakAtTop)) {
            return 6;
        } else if (bit(ier, 0) && receiver.size() >= trigger()) {
            return 4;
        } else if (bit(ier, 0) && !receiver.isEmpty()) {
            return 12;
        } else if (bit(ier, 1) && thrEmptyUnseen) {
            return 2;
        } else if (bit(ier, 3) && (ctsChanged || dsrChanged || riEnded || dcdChanged)) {
            return 0;
        }
        return 1;
    }

    private int readIir() {
        int cause = cause();
        if (cause == 2) {
            thrEmptyUnseen = false;
        }
        return fifos ? 0xc0 + cause : cause;
    }

    private int readRbr() {
        polls = 0;
        int character = receiver.isEmpty() ? 0 : receiver.removeFirst().character();
        seeTop();
        if (receiver.isEmpty()) {
            transmitterEmpty();
        }
        return character;
    }

    private int readLsr() {
        int value = 0;
        value += receiver.isEmpty() ? 0 : 1;
        value += overrun ? 2 : 0;
        value += breakAtTop ? 16 : 0;
        value += transmitting ? 0 : 32 + 64;
        value += fifos && (breakAtTop || receiver.stream().anyMatch(Received::isBreak)) ? 128 : 0;
        overrun = false;
        breakAtTop = false;
        polls++;
        if (polls == 16) {
            transmitterEmpty();
        }
        return value;
    }

    private int readMsr() {
        int value = (ctsChanged ? 1 : 0) + (dsrChanged ? 2 : 0) + (riEnded ? 4 : 0) + (dcdChanged ? 8 : 0);
        value += (cts ? 16 : 0) + (dsr ? 32 : 0) + (ri ? 64 : 0) + (dcd ? 128 : 0);
        ctsChanged = false;
        dsrChanged = false;
        riEnded = false;
        dcdChanged = false;
        return value;
    }

    private void writeThr(int value) {
        transmitting = true;
        thrEmptyUnseen = false;
        polls = 0;
        if (breakOnLine) {
            transmitterEmpty();
            return;
        }
        int bits = 5 + lcr % 4;
        arrive(new Received(value % (1 << bits), false));
    }

    private void writeFcr(int value) {
        boolean enable = bit(value, 0);
        if (enable != fifos) {
            receiver.clear();
            fifos = enable;
            transmitterEmpty();
        }
        if (enable) {
            fcr = value;
            if (bit(value, 1)) {
                receiver.clear();
                transmitterEmpty();
            }
            if (bit(value, 2)) {
                transmitterEmpty();
            }
        }
    }

    private void transmitterEmpty() {
        if (transmitting) {
            transmitting = false;
            thrEmptyUnseen = true;
        }
    }

    private void arrive(Received received) {
        if (receiver.size() == depth()) {
            overrun = true;
            if (!fifos) {
                receiver.set(0, received);
            }
        } else {
            receiver.add(received);
        }
        seeTop();
    }

    /** An error at the top is reported once; afterwards the entry itself has no error. */
    private void seeTop() {
        if (!receiver.isEmpty() && receiver.getFirst().isBreak()) {
            breakAtTop = true;
            receiver.set(0, new Received(0, false));
        }
    }

    private void lineChanged() {
        boolean before = breakOnLine;
        breakOnLine = bit(lcr, 6) && !bit(mcr, 4);
        if (breakOnLine && !before) {
            arrive(new Received(0, true));
        }
    }

    private void modemChanged() {
        boolean loop = bit(mcr, 4);
        boolean newCts = !loop || bit(mcr, 1);
        boolean newDsr = !loop || bit(mcr, 0);
        boolean newRi = loop && bit(mcr, 2);
        boolean newDcd = !loop || bit(mcr, 3);
        ctsChanged |= newCts != cts;
        dsrChanged |= newDsr != dsr;
        riEnded |= ri && !newRi;
        dcdChanged |= newDcd != dcd;
        cts = newCts;
        dsr = newDsr;
        ri = newRi;
        dcd = newDcd;
    }
}
