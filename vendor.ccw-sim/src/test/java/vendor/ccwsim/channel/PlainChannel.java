package vendor.ccwsim.channel;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import mdev.api.vfio.DmaAccess;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/**
 * A channel and its device as plainly as the architecture permits: it reads each CCW from memory when it gets there,
 * and moves byte by byte. Written for comparison, from the Principles of Operation, not from the channel.
 */
final class PlainChannel {
    /** The program got where a channel that has copied it by chains cannot follow. */
    static final class BeyondCopy extends Exception {
        private static final long serialVersionUID = 1L;
    }

    private final GuestMemory memory;
    private final Orb orb;
    private final List<Reply> script;
    final ByteArrayOutputStream received = new ByteArrayOutputStream();
    final List<Integer> commands = new ArrayList<>();

    /** Each as "[Z] [PCI] cpa count". */
    final List<String> intermediate = new ArrayList<>();

    private int sent;
    private boolean zeroPending;

    // The current CCW.
    private int at;
    private int code;
    private int flags;
    private int count;
    private int cda;
    private int used;

    /** Where the last transfer in channel went. */
    private int head;

    private int cpa;
    private int cstat;

    PlainChannel(GuestMemory memory, Orb orb, List<Reply> script) {
        this.memory = memory;
        this.orb = orb;
        this.script = script;
        zeroPending = (orb.control() >> 21 & 1) == 1;
    }

    private boolean format1() {
        return (orb.control() >> 23 & 1) == 1;
    }

    private int unsigned(int address) {
        return memory.bytes.get(ValueLayout.JAVA_BYTE, address) & 0xff;
    }

    private int number(int address, int bytes) {
        int value = 0;
        for (int i = 0; i < bytes; i++) {
            value = value << 8 | unsigned(address + i);
        }
        return value;
    }

    private void load(int address) {
        at = address;
        cpa = address + 8;
        code = unsigned(address);
        if (format1()) {
            flags = unsigned(address + 1);
            count = number(address + 2, 2);
            cda = number(address + 4, 4);
        } else {
            cda = number(address + 1, 3);
            flags = unsigned(address + 4);
            count = number(address + 6, 2);
        }
        used = 0;
    }

    private boolean tic() {
        return format1() ? code == 8 : (code & 15) == 8;
    }

    /** Loads the next CCW, over a transfer in channel; false: a program check. */
    private boolean fetch(int address, boolean first, boolean data) {
        load(address);
        if (tic()) {
            boolean bad = first || cda < 0 || cda % 8 != 0 || (format1() && (flags != 0 || count != 0));
            if (bad) {
                return false;
            }
            head = cda;
            load(cda);
            if (tic()) {
                return false;
            }
        }
        if ((flags & 1) != 0 || cda < 0 || (format1() && (code & 15) == 8)) {
            return false;
        }
        if (!data && (code & 15) == 0) {
            return false;
        }
        if ((flags & 2) != 0) {
            return false; // no program here has suspend control
        }
        return count != 0 || (format1() && !data && (flags & 0x80) == 0);
    }

    private void present(boolean acceptable) {
        boolean zero = zeroPending && acceptable;
        boolean pci = (flags & 8) != 0;
        if (zero || pci) {
            intermediate.add((zero ? "Z " : "") + (pci ? "PCI " : "") + Integer.toHexString(at + 8) + " " + count);
        }
        zeroPending &= !zero;
    }

    /** Returns "dstat cstat cpa count". */
    String run() throws BeyondCopy {
        int next = orb.cpa();
        head = next;
        int idle = 0;
        boolean first = true;
        while (true) {
            if (next % 8 != 0 || !fetch(next, first, false) || idle == 256) {
                return "0 20 " + Integer.toHexString(cpa(next)) + " 0";
            }
            first = false;
            boolean control = (code & 3) == 3;
            present(!control);
            int command = code;
            Reply reply = script.get(commands.size() % script.size());
            commands.add(command);
            cstat = 0;
            int wanted = command == 3 ? -1 : reply.bytes();
            boolean touched = wanted >= 0;
            if (touched && zeroPending) {
                intermediate.add("Z " + Integer.toHexString(at + 8) + " " + count);
                zeroPending = false;
            }
            int moved = 0;
            boolean more = false;
            while (moved < wanted && cstat == 0 && !more) {
                if (used == count) {
                    if ((flags & 0x80) == 0) {
                        more = true;
                    } else {
                        chainData();
                    }
                } else if (one(command)) {
                    moved++;
                }
            }
            int status = cstat == 0 ? reply.status() : 0xc;
            if (cstat == 0 && wrongLength(status, touched, control, more)) {
                cstat = 0x40;
            }
            boolean go = cstat == 0 && (flags & 0xc0) == 0x40 && (status & ~0x40) == 0xc;
            if (!go) {
                int left = count - used;
                return Integer.toHexString(status) + " " + Integer.toHexString(cstat) + " " + Integer.toHexString(cpa)
                        + " " + left;
            }
            idle = moved == 0 ? idle + 1 : 0;
            next = at + 8;
            if ((status & 0x40) != 0) {
                skipped(next);
                next += 8;
            }
        }
    }

    private int cpa(int next) {
        return next % 8 != 0 ? next + 8 : cpa;
    }

    /** What is behind the CCW that status modifier skips is copied if that chains, or transfers back into the chain. */
    private void skipped(int address) throws BeyondCopy {
        load(address);
        boolean back = tic() && cda >= head && cda <= address;
        if (!back && (tic() || (flags & 0xc0) == 0)) {
            throw new BeyondCopy();
        }
    }

    private void chainData() {
        int last = at;
        int lastFlags = flags;
        int lastCount = count;
        int lastUsed = used;
        if (fetch(at + 8, false, true)) {
            present(false);
            return;
        }
        // The status tells of the CCW that is invalid, the count of the one before it.
        cstat = 0x20;
        at = last;
        flags = lastFlags;
        count = lastCount;
        used = lastUsed;
    }

    /** Moves one byte. */
    private boolean one(int command) {
        boolean input = (command & 1) == 0;
        if (input && (flags & 0x10) != 0) {
            sent++;
            used++;
            return true;
        }
        long address = Integer.toUnsignedLong(cda) + used;
        if ((flags & 4) != 0) {
            if (cda % 8 != 0) {
                cstat = 0x20;
                return false;
            }
            int offset = number(cda + 4, 4) & 4095;
            int word = (offset + used) >> 12;
            int idaw = number(cda + 8 * word + 4, 4);
            if (word > 0 && (idaw & 4095) != 0) {
                cstat = 0x20;
                return false;
            }
            address = word == 0 ? idaw + (long) used : idaw + ((offset + used) & 4095);
        }
        if (!memory.permits(address, DmaAccess.IOMMU_READ)
                || (input && !memory.permits(address, DmaAccess.IOMMU_WRITE))) {
            cstat = 0x10;
            return false;
        }
        if (input) {
            memory.bytes.set(ValueLayout.JAVA_BYTE, address, ScriptedDevice.pattern(sent++));
        } else {
            received.write(unsigned((int) address));
        }
        used++;
        return true;
    }

    private boolean wrongLength(int status, boolean touched, boolean control, boolean more) {
        if (!touched && (status & 0x12) != 0) {
            return false;
        }
        boolean chainsData = (flags & 0x80) != 0;
        if ((flags & 0x20) != 0 && !chainsData) {
            return false;
        }
        if (control && !touched) {
            return format1() && (orb.control() & 0x80) == 0 && count != 0;
        }
        return more || used != count || chainsData;
    }
}
