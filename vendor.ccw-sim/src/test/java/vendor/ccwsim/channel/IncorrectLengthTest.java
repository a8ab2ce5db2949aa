package vendor.ccwsim.channel;

import static vendor.ccwsim.channel.Conditions.CONTROL;
import static vendor.ccwsim.channel.Conditions.DATA;
import static vendor.ccwsim.channel.Conditions.LENGTH;
import static vendor.ccwsim.channel.Conditions.P;
import static vendor.ccwsim.channel.Conditions.READ;
import static vendor.ccwsim.channel.Conditions.SENSE;
import static vendor.ccwsim.channel.Conditions.UC;
import static vendor.ccwsim.channel.Conditions.WRITE;
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

/** When a length is incorrect, and what that ends. */
final class IncorrectLengthTest {
    static Stream<Row> rows() {
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
                        "busy in the initial status",
                        p -> p.ccw(READ, 0, 8, DATA),
                        ends(-1, DeviceStatus.BUSY),
                        ran(READ),
                        new End(DeviceStatus.BUSY, 0, P + 8, 8)),
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

    @ParameterizedTest
    @MethodSource
    void rows(Row row) throws ErrnoException, InterruptedException {
        check(row);
    }
}
