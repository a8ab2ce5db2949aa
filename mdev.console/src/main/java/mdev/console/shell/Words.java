package mdev.console.shell;

import java.util.ArrayList;
import java.util.List;

/**
 * The words of the statement at the cursor, split like Gogo does: at blanks, with quotes and backslashes. A new
 * statement starts after a semicolon, a bar, an ampersand, an opening brace or parenthesis, and a line end.
 *
 * @param words unquoted; the last one is the word at the cursor and may be empty
 * @param start the offset of the raw text of the last word
 * @param quote the open quote at the cursor, or 0
 */
public record Words(List<String> words, int start, char quote) {
    public Words {
        words = List.copyOf(words);
    }

    /** @param head a line up to the cursor */
    public static Words of(String head) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        int start = 0;
        boolean inWord = false;
        char quote = 0;
        for (int i = 0; i < head.length(); i++) {
            char c = head.charAt(i);
            boolean separator = quote == 0 && (Character.isWhitespace(c) || ";|&{(".indexOf(c) >= 0);
            if (separator) {
                if (inWord) {
                    words.add(word.toString());
                    word.setLength(0);
                }
                if (c == '\n' || !Character.isWhitespace(c)) {
                    words.clear();
                }
                inWord = false;
                start = i + 1;
                continue;
            }
            inWord = true;
            if (c == '\\' && quote != '\'' && i + 1 < head.length()) {
                word.append(head.charAt(++i));
            } else if (c == quote) {
                quote = 0;
            } else if (quote == 0 && (c == '"' || c == '\'')) {
                quote = c;
            } else {
                word.append(c);
            }
        }
        words.add(word.toString());
        return new Words(words, start, quote);
    }

    /** The word at the cursor. */
    public String current() {
        return words.getLast();
    }

    /** The words before the one at the cursor. */
    public List<String> before() {
        return words.subList(0, words.size() - 1);
    }

    /** Quotes a word if necessary, so that Gogo reads it as one word. */
    public static String quote(String word) {
        boolean plain =
                word.chars().noneMatch(c -> Character.isWhitespace(c) || "'\"\\;|&{}()[]<>$#*?~`!".indexOf(c) >= 0);
        return plain ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
