package vendor.ccwsim.channel;

/** Writes channel programs into a memory: CCWs in either format one after another, from an address on. */
public final class ProgramBuilder {
    private final GuestMemory memory;
    private final boolean format1;
    private final int start;
    private int next;

    public ProgramBuilder(GuestMemory memory, boolean format1, int start) {
        this.memory = memory;
        this.format1 = format1;
        this.start = start;
        this.next = start;
    }

    public boolean isFormat1() {
        return format1;
    }

    /** Goes on at another address. */
    public ProgramBuilder at(int address) {
        next = address;
        return this;
    }

    public ProgramBuilder ccw(int command, int flags, int count, int cda) {
        var ccw = new Ccw(command, flags, count, cda);
        if (format1) {
            ccw.writeFormat1(memory.bytes, next);
        } else {
            ccw.writeFormat0(memory.bytes, next);
        }
        next += Ccw.SIZE;
        return this;
    }

    public ProgramBuilder tic(int target) {
        return ccw(Ccw.TIC, 0, 0, target);
    }

    /** Stores format-2 IDAWs, not at the position of the CCWs. */
    public ProgramBuilder idaws(int address, long... list) {
        for (int i = 0; i < list.length; i++) {
            memory.bytes.set(BigEndian.LONG, address + 8L * i, list[i]);
        }
        return this;
    }

    /** An ORB for the program from its first CCW on. */
    public Orb orb(int flags) {
        int always = Orb.PFCH | Orb.C64 | 0xff00;
        return new Orb(0x1234, always | (format1 ? Orb.FMT : 0) | flags, start);
    }
}
