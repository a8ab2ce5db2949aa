package mdev.console.terminal;

import java.util.List;
import mdev.console.shell.Words;
import org.jline.reader.CompletingParsedLine;
import org.jline.reader.EOFError;
import org.jline.reader.ParsedLine;
import org.jline.reader.Parser;

/** Splits a line for JLine into the words that Gogo will see. An open quote continues on the next line. */
final class LineParser implements Parser {
    @Override
    public ParsedLine parse(String line, int cursor, ParseContext context) {
        if (context == ParseContext.ACCEPT_LINE || context == ParseContext.SECONDARY_PROMPT) {
            char quote = Words.of(line).quote();
            if (quote != 0) {
                throw new EOFError(-1, -1, "quote", Character.toString(quote));
            }
        }
        return new WordsLine(line, cursor, Words.of(line.substring(0, cursor)));
    }

    /** Disables JLine's escapes: Gogo handles backslashes. */
    @Override
    public boolean isEscapeChar(char c) {
        return false;
    }

    private record WordsLine(String line, int cursor, Words parsed) implements CompletingParsedLine {
        @Override
        public String word() {
            return parsed.current();
        }

        @Override
        public int wordCursor() {
            return parsed.current().length();
        }

        @Override
        public int wordIndex() {
            return parsed.words().size() - 1;
        }

        @Override
        public List<String> words() {
            return parsed.words();
        }

        @Override
        public CharSequence escape(CharSequence candidate, boolean complete) {
            String quoted = Words.quote(candidate.toString());
            return complete || !quoted.endsWith("'") ? quoted : quoted.substring(0, quoted.length() - 1);
        }

        @Override
        public int rawWordCursor() {
            return cursor - parsed.start();
        }

        @Override
        public int rawWordLength() {
            return cursor - parsed.start();
        }
    }
}
