package itests;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.vm.Platform;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Wrong lines typed into one shell of one platform: each gets one clear line, and together they change nothing. {@code
 * wrong-input.txt} has the lines, each followed by the beginning of its answer.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class WrongInputIT {
    private static final String END = "end-of-answer";

    /** Text that must not reach a user: the class of an exception. */
    private static final Pattern RAW = Pattern.compile("\\w+(Exception|Error)\\b|\\bjava\\.");

    private Platform platform;
    private Process shell;
    private Writer in;
    private BufferedReader out;
    private StateObserver state;
    private String before;

    @BeforeAll
    void start() throws Exception {
        platform = Platform.start("--load", "vendor.mtty");
        String run = platform.run().toString();
        shell = Mdev.here().command("--run=" + run).redirectErrorStream(true).start();
        in = shell.outputWriter();
        out = shell.inputReader();
        state = StateObserver.of(Mdev.here(), run);
        before = state.now();
    }

    @AfterAll
    void nothingHasChanged() throws Exception {
        try (Platform last = platform) {
            assertEquals(before, state.now());
            state.close();
            in.close();
            Mdev.end(shell);
            last.stop();
            assertEquals("", last.errors());
        }
    }

    record Wrong(String line, String answer) {}

    static Stream<Wrong> wrongInput() throws IOException {
        try (InputStream text = WrongInputIT.class.getResourceAsStream("wrong-input.txt")) {
            List<String> lines = new String(text.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            return IntStream.range(0, lines.size() / 2)
                    .mapToObj(i ->
                            new Wrong(lines.get(2 * i), lines.get(2 * i + 1).strip()));
        }
    }

    private List<String> answer(String line) throws IOException {
        in.write(line + "\nconsole:echo " + END + "\n");
        in.flush();
        List<String> answer = new ArrayList<>();
        for (String next = out.readLine(); !END.equals(next); next = out.readLine()) {
            if (next == null) {
                throw new AssertionError("the shell ended after " + line + "\n" + answer);
            }
            answer.add(next);
        }
        return answer;
    }

    @ParameterizedTest
    @MethodSource("wrongInput")
    void wrongLinePrintsOneClearLine(Wrong wrong) throws Exception {
        List<String> answer = answer(wrong.line());
        String text = String.join("\n", answer);
        assertAll(
                () -> assertTrue(text.startsWith(wrong.answer()), text),
                () -> assertEquals(1, answer.size(), text),
                () -> assertFalse(RAW.matcher(text).find(), text));
    }

    @Test
    void tableHasAHundredLines() throws IOException {
        assertTrue(wrongInput().map(Wrong::line).distinct().count() >= 100);
    }

    /** The stock commands of Felix belong to the shell. */
    @Test
    void helpPrintsTheUsageOfFelixCommands() throws Exception {
        assertTrue(answer("help lb").getFirst().startsWith("lb - list installed bundles"));
    }
}
