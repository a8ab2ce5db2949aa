package mdev.console.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WordsTest {
    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '>',
            value = {
                "``              > ``        > 0",
                "`a`             > `a`       > 0",
                "`a `            > `a|`      > 2",
                "`a  b`          > `a|b`     > 3",
                "`a; b c`        > `b|c`     > 5",
                "`a;b`           > `b`       > 2",
                "`a | b `        > `b|`      > 6",
                "`x = (mdev:l`   > `mdev:l`  > 5",
                "`each { mdev:l` > `mdev:l`  > 7",
                "`a 'b c`        > `a|b c`   > 2",
                "`a 'b ;' c`     > `a|b ;|c` > 8",
                "`a \"b\\\" c`   > `a|b\" c` > 2",
                "`a b\\ c`       > `a|b c`   > 2",
                "`a '\\`         > `a|\\`    > 2",
            })
    void splitsAsGogoDoes(String head, String words, int start) {
        Words parsed = Words.of(head);
        assertEquals(words, String.join("|", parsed.words()));
        assertEquals(start, parsed.start());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"plain", "a b", "it's", "a;b", "$x", "*", "#", "/sys/bus/mdev", "file:/a b/c.jar", "\"", "\\"})
    void quotedWordsStayWhole(String word) {
        assertEquals(word, Words.of("cmd " + Words.quote(word)).current());
    }
}
