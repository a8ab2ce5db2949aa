package vendor.ccwsim.channel;

import static vendor.ccwsim.channel.Conditions.CONTROL;
import static vendor.ccwsim.channel.Conditions.DATA;
import static vendor.ccwsim.channel.Conditions.P;
import static vendor.ccwsim.channel.Conditions.PROGRAM;
import static vendor.ccwsim.channel.Conditions.READ;
import static vendor.ccwsim.channel.Conditions.SENSE;
import static vendor.ccwsim.channel.Conditions.SM;
import static vendor.ccwsim.channel.Conditions.UC;
import static vendor.ccwsim.channel.Conditions.WRITE;
import static vendor.ccwsim.channel.Conditions.check;
import static vendor.ccwsim.channel.Conditions.ends;
import static vendor.ccwsim.channel.Conditions.format0;
import static vendor.ccwsim.channel.Conditions.format1;
import static vendor.ccwsim.channel.Conditions.moves;
import static vendor.ccwsim.channel.Conditions.ran;
import static vendor.ccwsim.channel.ScriptedDevice.CE_DE;

import java.util.List;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vendor.ccwsim.channel.Conditions.End;
import vendor.ccwsim.channel.Conditions.Row;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/** Data chaining, command chaining and transfers in channel. */
final class ChainingTest {
    static Stream<Row> rows() {
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
                        "the skip flag is one of the command that is chained",
                        p -> p.ccw(WRITE, Ccw.CD, 4, DATA).ccw(READ, Ccw.SKIP, 4, DATA),
                        moves(8),
                        ran(WRITE),
                        End.of(P + 16, 0)),
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
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA).ccw(Ccw.TIC, Ccw.SLI, 0, P),
                        List.of(Reply.of(4), Reply.status(4, CE_DE | UC)),
                        ran(WRITE),
                        End.refused(P + 16)),
                format1(
                        branch,
                        "format 1: the count is zero",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA).ccw(Ccw.TIC, 0, 1, P),
                        List.of(Reply.of(4), Reply.status(4, CE_DE | UC)),
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
                        "to an address of 31 bits",
                        p -> p.ccw(WRITE, Ccw.CC, 4, DATA).tic(0x8000_0000),
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

    @ParameterizedTest
    @MethodSource
    void rows(Row row) throws ErrnoException, InterruptedException {
        check(row);
    }
}
