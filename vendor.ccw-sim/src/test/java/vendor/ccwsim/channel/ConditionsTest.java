package vendor.ccwsim.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static vendor.ccwsim.channel.ScriptedDevice.CE_DE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/**
 * How channel programs end, by the rules of the z/Architecture Principles of Operation (SA22-7832), chapters 15 and 16:
 * each row names the section. Programs are at 0x1000, IDAWs at 0x3000, data at 0x4000; page 8 is read-only for the
 * device, page 9 write-only, page 10 not mapped.
 */
final class ConditionsTest {
    private static final int P = 0x1000;
    private static final int DATA = 0x4000;
    private static final int READ_ONLY = 0x8000;
    private static final int WRITE_ONLY = 0x9000;
    private static final int IDAL = 0x3000;

    private static final int WRITE = 0x01;
    private static final int READ = 0x02;
    private static final int CONTROL = 0x07;
    private static final int SENSE = Ccw.BASIC_SENSE;

    private static final int UC = DeviceStatus.UNIT_CHECK;
    private static final int SM = DeviceStatus.STATUS_MODIFIER;
    private static final int PROGRAM = SubchannelStatus.PROGRAM_CHECK;
    private static final int PROTECTION = SubchannelStatus.PROTECTION_CHECK;
    private static final int LENGTH = SubchannelStatus.INCORRECT_LENGTH;

    private static final int NORMAL = 0x7;
    private static final int ALERT = 0x17;

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

    private static Row format1(
            String section, String title, Consumer<ProgramBuilder> program, List<Reply> device, int[] ran, End end) {
        return new Row(section, title, true, 0, program, device, list(ran), end);
    }

    private static Row format0(
            String section, String title, Consumer<ProgramBuilder> program, List<Reply> device, int[] ran, End end) {
        return new Row(section, title, false, 0, program, device, list(ran), end);
    }

    private static List<Integer> list(int... values) {
        return Arrays.stream(values).boxed().toList();
    }

    private static int[] ran(int... commands) {
        return commands;
    }

    private static List<Reply> moves(int... bytes) {
        return Arrays.stream(bytes).mapToObj(Reply::of).toList();
    }

    private static List<Reply> ends(int bytes, int status) {
        return List.of(Reply.status(bytes, status), Reply.of(1));
    }

    static Stream<Row> length() {
        String s = "16 Incorrect Length";
        String chaining = "15 Chaining, subchannel chaining action";
        return Stream.of(
                format1(s, "exact", p -> p.ccw(READ, 0, 8, DATA), moves(8), ran(READ), End.of(P + 8, 0)),
                format1(
                        s,
                        "short block on input",
                        p -> p.ccw(READ, 0, 8, DATA),
                        moves(5),
                        ran(READ),
                        End.checked(LENGTH, P + 8, 3)),
                format1(
                        s,
                        "no block on input is not immediate",
                        p -> p.ccw(READ, 0, 8, DATA),
                        moves(-1),
                        ran(READ),
                        End.checked(LENGTH, P + 8, 8)),
                format1(
                        s,
                        "short block on input, suppressed",
                        p -> p.ccw(READ, Ccw.SLI, 8, DATA),
                        moves(5),
                        ran(READ),
                        End.of(P + 8, 3)),
                format1(
                        s,
                        "long block on input",
                        p -> p.ccw(READ, 0, 8, DATA),
                        moves(9),
                        ran(READ),
                        End.checked(LENGTH, P + 8, 0)),
                format1(
                        s,
                        "long block on input, suppressed",
                        p -> p.ccw(READ, Ccw.SLI, 8, DATA),
                        moves(9),
                        ran(READ),
                        End.of(P + 8, 0)),
                format1(
                        s,
                        "short block on output",
                        p -> p.ccw(WRITE, 0, 8, DATA),
                        moves(2),
                        ran(WRITE),
                        End.checked(LENGTH, P + 8, 6)),
                format1(
                        s,
                        "long block on output",
                        p -> p.ccw(WRITE, 0, 8, DATA),
                        moves(10),
                        ran(WRITE),
                        End.checked(LENGTH, P + 8, 0)),
                format1(
                        s,
                        "immediate, incorrect-length-indication mode",
                        p -> p.ccw(CONTROL, 0, 8, DATA),
                        moves(-1),
                        ran(CONTROL),
                        End.checked(LENGTH, P + 8, 8)),
                format1(
                        s,
                        "immediate, suppressed by the CCW",
                        p -> p.ccw(CONTROL, Ccw.SLI, 8, DATA),
                        moves(-1),
                        ran(CONTROL),
                        End.of(P + 8, 8)),
                format1(
                                s,
                                "immediate, incorrect-length-suppression mode",
                                p -> p.ccw(CONTROL, 0, 8, DATA),
                                moves(-1),
                                ran(CONTROL),
                                End.of(P + 8, 8))
                        .orb(Orb.ILS),
                format0(
                        s,
                        "immediate, format 0",
                        p -> p.ccw(CONTROL, 0, 8, DATA),
                        moves(-1),
                        ran(CONTROL),
                        End.of(P + 8, 8)),
                format1(
                        s,
                        "immediate, count zero",
                        p -> p.ccw(Ccw.NOOP, 0, 0, 0),
                        moves(-1),
                        ran(Ccw.NOOP),
                        End.of(P + 8, 0)),
                format1(
                        s,
                        "count zero, but the device has data",
                        p -> p.ccw(READ, 0, 0, 0),
                        moves(1),
                        ran(READ),
                        End.checked(LENGTH, P + 8, 0)),
                format1(
                        s,
                        "rejected in the initial status",
                        p -> p.ccw(READ, 0, 8, DATA),
                        ends(-1, CE_DE | UC),
                        ran(READ),
                        new End(CE_DE | UC, 0, P + 8, 8)),
                format1(
                        s,
                        "unit check after some data",
                        p -> p.ccw(READ, 0, 8, DATA),
                        ends(3, CE_DE | UC),
                        ran(READ),
                        new End(CE_DE | UC, LENGTH, P + 8, 5)),
                format1(
                        chaining,
                        "CC, incorrect length ends the program",
                        p -> p.ccw(READ, Ccw.CC, 8, DATA).ccw(SENSE, 0, 1, DATA),
                        moves(5, 1),
                        ran(READ),
                        End.checked(LENGTH, P + 8, 3)),
                format1(
                        chaining,
                        "CC and SLI",
                        p -> p.ccw(READ, Ccw.CC | Ccw.SLI, 8, DATA).ccw(SENSE, 0, 1, DATA),
                        moves(5, 1),
                        ran(READ, SENSE),
                        End.of(P + 16, 0)),
                format1(
                        chaining,
                        "CD, block ends within the count",
                        p -> p.ccw(READ, Ccw.CD, 8, DATA).ccw(0, 0, 8, DATA),
                        moves(5),
                        ran(READ),
                        End.checked(LENGTH, P + 8, 3)),
                format1(
                        chaining,
                        "CD, block ends with the count",
                        p -> p.ccw(READ, Ccw.CD, 8, DATA).ccw(0, 0, 8, DATA),
                        moves(8),
                        ran(READ),
                        End.checked(LENGTH, P + 8, 0)),
                format1(
                        chaining,
                        "CD ignores SLI and CC",
                        p -> p.ccw(READ, Ccw.CD | Ccw.CC | Ccw.SLI, 8, DATA).ccw(READ, 0, 8, DATA),
                        moves(5, 8),
                        ran(READ),
                        End.checked(LENGTH, P + 8, 3)),
                format0(
                        chaining,
                        "CD, immediate",
                        p -> p.ccw(CONTROL, Ccw.CD | Ccw.CC, 8, DATA).ccw(CONTROL, 0, 8, DATA),
                        moves(-1),
                        ran(CONTROL),
                        End.of(P + 8, 8)));
    }

    static Stream<Row> chaining() {
        String data = "15 Data Chaining";
        String command = "15 Command Chaining";
        String branch = "15 Transfer in Channel";
        return Stream.of(
                format1(
                        data,
                        "the next CCW's code is ignored, its flags count",
                        p -> p.ccw(READ, Ccw.CD, 8, DATA).ccw(0, Ccw.SLI, 8, DATA + 8),
                        moves(10),
                        ran(READ),
                        End.of(P + 16, 6)),
                format1(
                        data,
                        "continues with command chaining",
                        p -> p.ccw(WRITE, Ccw.CD, 8, DATA)
                                .ccw(0, Ccw.CC, 8, DATA + 8)
                                .ccw(SENSE, 0, 1, DATA),
                        moves(16, 1),
                        ran(WRITE, SENSE),
                        End.of(P + 24, 0)),
                format1(
                        data,
                        "over a transfer in channel",
                        p -> p.ccw(READ, Ccw.CD, 8, DATA).tic(0x2000).at(0x2000).ccw(0, 0, 8, DATA + 8),
                        moves(16),
                        ran(READ),
                        End.of(0x2008, 0)),
                format1(
                        command,
                        "commands in sequence",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA)
                                .ccw(READ, Ccw.CC, 4, DATA)
                                .ccw(SENSE, 0, 4, DATA),
                        moves(4),
                        ran(WRITE, READ, SENSE),
                        End.of(P + 24, 0)),
                format1(
                        command,
                        "unit check ends the chain",
                        p -> p.ccw(READ, Ccw.CC, 4, DATA).ccw(SENSE, 0, 1, DATA),
                        ends(4, CE_DE | UC),
                        ran(READ),
                        new End(CE_DE | UC, 0, P + 8, 0)),
                format1(
                        command,
                        "unit exception ends the chain",
                        p -> p.ccw(READ, Ccw.CC | Ccw.SLI, 4, DATA).ccw(SENSE, 0, 1, DATA),
                        ends(0, CE_DE | DeviceStatus.UNIT_EXCEPTION),
                        ran(READ),
                        new End(CE_DE | DeviceStatus.UNIT_EXCEPTION, 0, P + 8, 4)),
                format1(
                        command,
                        "status modifier skips one CCW",
                        p -> p.ccw(CONTROL, Ccw.CC, 4, DATA)
                                .ccw(READ, Ccw.CC, 4, DATA)
                                .ccw(SENSE, 0, 1, DATA),
                        List.of(Reply.status(4, CE_DE | SM), Reply.of(1)),
                        ran(CONTROL, SENSE),
                        End.of(P + 24, 0)),
                format1(
                        "vfio_ccw_cp.c",
                        "status modifier skips the end of the chain, beyond which nothing is copied",
                        p -> p.ccw(CONTROL, Ccw.CC, 4, DATA)
                                .ccw(READ, 0, 4, DATA)
                                .ccw(SENSE, 0, 1, DATA),
                        List.of(Reply.status(4, CE_DE | SM), Reply.of(1)),
                        ran(CONTROL),
                        End.refused(P + 24)),
                format1(
                        command,
                        "search until the status modifier",
                        p -> p.ccw(WRITE, Ccw.CC, 1, DATA).tic(P).ccw(SENSE, 0, 1, DATA),
                        List.of(Reply.of(1), Reply.of(1), Reply.status(1, CE_DE | SM), Reply.of(1)),
                        ran(WRITE, WRITE, WRITE, SENSE),
                        End.of(P + 24, 0)),
                format1(
                        command,
                        "status modifier without chaining",
                        p -> p.ccw(READ, 0, 1, DATA),
                        ends(1, CE_DE | SM),
                        ran(READ),
                        new End(CE_DE | SM, 0, P + 8, 0)),
                format0(
                        branch,
                        "format 0: other fields are ignored",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA)
                                .ccw(0xf8, 0xff, 99, 0x2000)
                                .at(0x2000)
                                .ccw(READ, 0, 4, DATA),
                        moves(4),
                        ran(WRITE, READ),
                        End.of(0x2008, 0)),
                format1(
                        branch,
                        "format 1: flags are zero",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA)
                                .ccw(Ccw.TIC, Ccw.SLI, 0, 0x2000)
                                .at(0x2000)
                                .ccw(READ, 0, 4, DATA),
                        moves(4),
                        ran(WRITE),
                        End.refused(P + 16)),
                format1(
                        branch,
                        "format 1: the count is zero",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA)
                                .ccw(Ccw.TIC, 0, 1, 0x2000)
                                .at(0x2000)
                                .ccw(READ, 0, 4, DATA),
                        moves(4),
                        ran(WRITE),
                        End.refused(P + 16)),
                format1(
                        branch,
                        "format 1: bits 0-3 of the code are zero",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA).ccw(0x18, 0, 1, DATA),
                        moves(4),
                        ran(WRITE),
                        End.refused(P + 16)),
                format1(
                        branch,
                        "not first",
                        p -> p.tic(0x2000).at(0x2000).ccw(READ, 0, 4, DATA),
                        moves(4),
                        ran(),
                        End.refused(P + 8)),
                format1(
                        branch,
                        "not to another",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA)
                                .tic(0x2000)
                                .at(0x2000)
                                .tic(0x2010)
                                .at(0x2010)
                                .ccw(READ, 0, 4, DATA),
                        moves(4),
                        ran(WRITE),
                        End.refused(0x2008)),
                format1(
                        branch,
                        "to a doubleword",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA).tic(0x2004),
                        moves(4),
                        ran(WRITE),
                        End.refused(P + 16)),
                format1(
                        branch,
                        "during data chaining, not to another",
                        p -> p.ccw(READ, Ccw.CD, 4, DATA).tic(P + 8),
                        moves(8),
                        ran(READ),
                        End.checked(PROGRAM, P + 16, 0)));
    }

    static Stream<Row> checks() {
        String s = "16 Program Check";
        String suspend = "15 Suspension of Channel-Program Execution";
        String skip = "15 Skipping";
        String ida = "15 CCW Indirect Data Addressing";
        String protection = "16 Protection Check";
        return Stream.of(
                format1(s, "invalid command code", p -> p.ccw(0x10, 0, 4, DATA), moves(4), ran(), End.refused(P + 8)),
                format1(
                        s,
                        "invalid count, format 1 with CD",
                        p -> p.ccw(READ, Ccw.CD, 0, DATA),
                        moves(4),
                        ran(),
                        End.refused(P + 8)),
                format1(
                        s,
                        "invalid count, format 1 during data chaining",
                        p -> p.ccw(READ, Ccw.CD, 4, DATA).ccw(READ, 0, 0, DATA),
                        moves(8),
                        ran(READ),
                        End.checked(PROGRAM, P + 16, 0)),
                format0(
                        s,
                        "invalid count, format 0",
                        p -> p.ccw(Ccw.NOOP, Ccw.SLI, 0, 0),
                        moves(-1),
                        ran(),
                        End.refused(P + 8)),
                format1(
                        s,
                        "invalid CCW format: bit 32",
                        p -> p.ccw(READ, 0, 4, 0x8000_0000 | DATA),
                        moves(4),
                        ran(),
                        End.refused(P + 8)),
                format1(
                        s,
                        "invalid CCW format: MIDA",
                        p -> p.ccw(READ, Ccw.MIDA, 4, DATA),
                        moves(4),
                        ran(),
                        End.refused(P + 8)),
                format1(
                        s,
                        "on command chaining, the ended command's status is gone",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA).ccw(0, 0, 4, DATA),
                        moves(4),
                        ran(WRITE),
                        End.refused(P + 16)),
                format1(
                        s,
                        "invalid sequence: 256 commands without data",
                        p -> p.ccw(Ccw.NOOP, Ccw.CC | Ccw.SLI, 1, 0).tic(P),
                        moves(-1),
                        Stream.generate(() -> Ccw.NOOP)
                                .limit(256)
                                .mapToInt(i -> i)
                                .toArray(),
                        End.refused(P + 8)),
                format1(
                        suspend,
                        "not without suspend control",
                        p -> p.ccw(READ, Ccw.SUSPEND, 4, DATA),
                        moves(4),
                        ran(),
                        End.refused(P + 8)),
                format1(
                                suspend,
                                "not during data chaining",
                                p -> p.ccw(WRITE, Ccw.CD, 4, DATA).ccw(WRITE, Ccw.SUSPEND, 4, DATA),
                                moves(8),
                                ran(WRITE),
                                End.checked(PROGRAM, P + 16, 0))
                        .orb(Orb.SPND),
                format1(
                        skip,
                        "input is not stored, and its address not used",
                        p -> p.ccw(READ, Ccw.SKIP, 4, 0xa000),
                        moves(4),
                        ran(READ),
                        End.of(P + 8, 0)),
                format1(
                        skip,
                        "input is stored where skipping ends",
                        p -> p.ccw(READ, Ccw.CD | Ccw.SKIP, 4, 0xa000).ccw(0, 0, 4, DATA),
                        moves(8),
                        ran(READ),
                        End.of(P + 16, 0)),
                format1(
                        skip,
                        "output ignores the flag",
                        p -> p.ccw(WRITE, Ccw.SKIP, 4, DATA),
                        moves(4),
                        ran(WRITE),
                        End.of(P + 8, 0)),
                format1(
                        ida,
                        "blocks of 4 KiB anywhere",
                        p -> p.idaws(IDAL, DATA + 0x800, 0x7000, 0x5000).ccw(READ, Ccw.IDA, 0x1900, IDAL),
                        moves(0x1900),
                        ran(READ),
                        End.of(P + 8, 0)),
                format1(
                        ida,
                        "the list is on a doubleword",
                        p -> p.idaws(IDAL + 4, DATA).ccw(READ, Ccw.IDA, 4, IDAL + 4),
                        moves(4),
                        ran(READ),
                        End.checked(PROGRAM, P + 8, 4)),
                format1(
                        ida,
                        "the second is the beginning of a block",
                        p -> p.idaws(IDAL, DATA + 0xffe, 0x5001).ccw(READ, Ccw.IDA, 4, IDAL),
                        moves(4),
                        ran(READ),
                        End.checked(PROGRAM, P + 8, 2)),
                format1(
                        ida,
                        "an invalid one that is not used",
                        p -> p.idaws(IDAL, DATA + 0xffe, 0x5001).ccw(READ, Ccw.IDA | Ccw.SLI, 4, IDAL),
                        moves(2),
                        ran(READ),
                        End.of(P + 8, 2)),
                format1(
                        protection,
                        "store",
                        p -> p.ccw(READ, 0, 4, READ_ONLY),
                        moves(4),
                        ran(READ),
                        End.checked(PROTECTION, P + 8, 4)),
                format1(
                        protection,
                        "store into the second page",
                        p -> p.ccw(READ, 0, 4, READ_ONLY - 1),
                        moves(4),
                        ran(READ),
                        End.checked(PROTECTION, P + 8, 3)),
                format1(
                        protection,
                        "fetch",
                        p -> p.ccw(WRITE, 0, 4, WRITE_ONLY),
                        moves(4),
                        ran(WRITE),
                        End.checked(PROTECTION, P + 8, 4)),
                format1(
                        protection,
                        "not if nothing is stored",
                        p -> p.ccw(READ, Ccw.SLI, 4, READ_ONLY),
                        moves(0),
                        ran(READ),
                        End.of(P + 8, 4)),
                format1(
                        protection,
                        "fetch where storing is not permitted",
                        p -> p.ccw(WRITE, 0, 4, READ_ONLY),
                        moves(4),
                        ran(WRITE),
                        End.of(P + 8, 0)));
    }

    @ParameterizedTest
    @MethodSource({"length", "chaining", "checks"})
    void endsAsTheArchitectureHasIt(Row row) throws ErrnoException, InterruptedException {
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
