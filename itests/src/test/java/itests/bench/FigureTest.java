package itests.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The rows of the report. */
final class FigureTest {
    private static final List<Double> OURS = List.of(3_000.0, 1_000.0, 8_000.0);
    private static final List<Double> BESIDE = List.of(2_000.0, 1_000.0, 2_000.0);

    private static Figure beside(Target target) {
        return new Figure("wait", Unit.MICROSECONDS, "echo", target);
    }

    @Test
    void ratioIsTheMedianOfTheRoundsRatios() {
        Rounds rounds = new Rounds(OURS, BESIDE);
        assertEquals(
                "| wait | 3.00 us | echo: 2.00 us | 1.50 | 1.00 to 4.00 | ≤ 1.50 × | yes |",
                beside(Target.ratioAtMost(1.5)).row(rounds, true));
        assertEquals(
                "| wait | 3.00 us | echo: 2.00 us | 1.50 | 1.00 to 4.00 | ≥ 1.60 × | **no** |",
                beside(Target.ratioAtLeast(1.6)).row(rounds, true));
    }

    @Test
    void targetOfTheFigureItselfIgnoresWhatIsBesideIt() {
        assertEquals(
                "| wait | 3.00 us | echo: 2.00 us | 1.50 | 1.00 to 4.00 | ≤ 3.00 us | yes |",
                beside(Target.atMost(3, Unit.MICROSECONDS)).row(new Rounds(OURS, BESIDE), true));
    }

    @Test
    void figureAloneHasItsOwnSpread() {
        Figure alone = Figure.alone("wait", Unit.MICROSECONDS, Target.atLeast(4, Unit.MICROSECONDS));
        assertEquals(
                "| wait | 3.00 us |  |  | 1.00 to 8.00 | ≥ 4.00 us | **no** |", alone.row(Rounds.alone(OURS), true));
    }

    @Test
    void shortFormIsNotJudged() {
        assertEquals(
                "| wait | 3.00 us | echo: 2.00 us | 1.50 | 1.00 to 4.00 | ≤ 1.00 × |  |",
                beside(Target.ratioAtMost(1)).row(new Rounds(OURS, BESIDE), false));
    }

    @Test
    void rowStatesWhatIsMissing() {
        assertEquals(
                "| wait | no C compiler | echo |  |  | ≤ 1.00 × |  |",
                beside(Target.ratioAtMost(1)).row("no C compiler"));
    }
}
