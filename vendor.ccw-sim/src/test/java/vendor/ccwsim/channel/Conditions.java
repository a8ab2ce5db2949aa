package vendor.ccwsim.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static vendor.ccwsim.channel.ScriptedDevice.CE_DE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/**
 * How channel programs end, by the rules of the z/Architecture Principles of Operation (SA22-7832), chapters 15 and 16:
 * each row names the section. Programs are at 0x1000, IDAWs at 0x3000, data at 0x4000; page 8 is read-only for the
 * device, page 9 write-only, page 10 not mapped.
 */
final class Conditions {
    static final int P = 0x1000;
    static final int DATA = 0x4000;
    static final int READ_ONLY = 0x8000;
    static final int WRITE_ONLY = 0x9000;
    static final int IDAL = 0x3000;

    static final int WRITE = 0x01;
    static final int READ = 0x02;
    static final int CONTROL = 0x07;
    static final int SENSE = Ccw.BASIC_SENSE;

    static final int UC = DeviceStatus.UNIT_CHECK;
    static final int SM = DeviceStatus.STATUS_MODIFIER;
    static final int PROGRAM = SubchannelStatus.PROGRAM_CHECK;
    static final int PROTECTION = SubchannelStatus.PROTECTION_CHECK;
    static final int LENGTH = SubchannelStatus.INCORRECT_LENGTH;

    private static final int NORMAL = 0x7;
    private static final int ALERT = 0x17;

    private Conditions() {}

    /** The ending: device and subchannel status, last CCW plus 8, residual count. */
    record End(int dstat, int cstat, int cpa, int count) {
        static End of(int cpa, int count) {
            return new End(CE_DE, 0, cpa, count);
        }

        static End checked(int cstat, int cpa, int count) {
            return new End(CE_DE, cstat, cpa, count);
        }

        /** The device was not reached. */
        static End refused(int cpa) {
            return new End(0, PROGRAM, cpa, 0);
        }
    }

    record Row(
            String section,
            String title,
            boolean format1,
            int orb,
            Consumer<ProgramBuilder> program,
            List<Reply> device,
            List<Integer> commands,
            End end) {
        /** With more flags in the ORB. */
        Row orb(int flags) {
            return new Row(section, title, format1, flags, program, device, commands, end);
        }

        @Override
        public String toString() {
            return section + ": " + title;
        }
    }

    static Row format1(
            String section, String title, Consumer<ProgramBuilder> program, List<Reply> device, int[] ran, End end) {
        return new Row(section, title, true, 0, program, device, list(ran), end);
    }

    static Row format0(
            String section, String title, Consumer<ProgramBuilder> program, List<Reply> device, int[] ran, End end) {
        return new Row(section, title, false, 0, program, device, list(ran), end);
    }

    private static List<Integer> list(int... values) {
        return Arrays.stream(values).boxed().toList();
    }

    static int[] ran(int... commands) {
        return commands;
    }

    static List<Reply> moves(int... bytes) {
        return Arrays.stream(bytes).mapToObj(Reply::of).toList();
    }

    static List<Reply> ends(int bytes, int status) {
        return List.of(Reply.status(bytes, status), Reply.of(1));
    }

    static void check(Row row) throws ErrnoException, InterruptedException {
        var memory = memory();
        var program = new ProgramBuilder(memory, row.format1, P);
        row.program.accept(program);
        var device = new ScriptedDevice(row.device);
        List<Irb> intermediate = new ArrayList<>();
        Irb irb;
        try (var running = ChannelProgram.fetch(program.orb(row.orb), memory)) {
            irb = running.execute(device, intermediate::add);
        }
        Scsw scsw = irb.scsw();
        assertEquals(row.end, new End(scsw.dstat(), scsw.cstat(), scsw.cpa(), scsw.count()));
        assertEquals(row.commands, device.commands());
        boolean normal = scsw.cstat() == 0 && scsw.dstat() == CE_DE;
        assertEquals(normal ? NORMAL : ALERT, scsw.stctl(), "16 Status Control");
        assertEquals(Scsw.FCTL_START_FUNC, scsw.fctl(), "16 Function Control");
        assertEquals(0, scsw.actl(), "16 Activity Control");
        assertEquals(List.of(), intermediate);
        assertEquals(0, memory.pins());
    }

    private static GuestMemory memory() {
        var memory = new GuestMemory(16);
        memory.map(READ_ONLY / DmaAccess.PAGE_SIZE, DmaAccess.IOMMU_READ);
        memory.map(WRITE_ONLY / DmaAccess.PAGE_SIZE, DmaAccess.IOMMU_WRITE);
        memory.unmap(10);
        return memory;
    }
}
