package vendor.ccwsim.channel;

import static vendor.ccwsim.channel.Conditions.DATA;
import static vendor.ccwsim.channel.Conditions.IDAL;
import static vendor.ccwsim.channel.Conditions.P;
import static vendor.ccwsim.channel.Conditions.PROGRAM;
import static vendor.ccwsim.channel.Conditions.PROTECTION;
import static vendor.ccwsim.channel.Conditions.READ;
import static vendor.ccwsim.channel.Conditions.READ_ONLY;
import static vendor.ccwsim.channel.Conditions.UC;
import static vendor.ccwsim.channel.Conditions.WRITE;
import static vendor.ccwsim.channel.Conditions.WRITE_ONLY;
import static vendor.ccwsim.channel.Conditions.check;
import static vendor.ccwsim.channel.Conditions.ends;
import static vendor.ccwsim.channel.Conditions.format0;
import static vendor.ccwsim.channel.Conditions.format1;
import static vendor.ccwsim.channel.Conditions.moves;
import static vendor.ccwsim.channel.Conditions.ran;
import static vendor.ccwsim.channel.ScriptedDevice.CE_DE;

import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vendor.ccwsim.channel.Conditions.End;
import vendor.ccwsim.channel.Conditions.Row;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/** Program checks, protection checks, and the data addresses that they depend on. */
final class CheckTest {
    static Stream<Row> rows() {
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
                        s,
                        "invalid sequence: 256 commands whose count leaves no room for data",
                        p -> p.ccw(READ, Ccw.CC | Ccw.SLI, 0, DATA).tic(P),
                        Stream.concat(Stream.generate(() -> Reply.of(1)).limit(256), ends(1, CE_DE | UC).stream())
                                .toList(),
                        Stream.generate(() -> READ).limit(256).mapToInt(i -> i).toArray(),
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
    @MethodSource
    void rows(Row row) throws ErrnoException, InterruptedException {
        check(row);
    }
}
