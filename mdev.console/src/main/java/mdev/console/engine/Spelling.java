package mdev.console.engine;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import mdev.api.shell.UnknownNameException;

/** Suggestions for misspelt names. */
final class Spelling {
    private static final int OFFERED = 3;
    private static final int LISTED = 8;

    private Spelling() {}

    /** The end of a message about an unknown name: the known names, or, if there are many, the most similar one. */
    static String hint(UnknownNameException unknown) {
        List<String> known = unknown.known().stream().sorted().toList();
        if (unknown.listed() && known.isEmpty()) {
            return ": there is none";
        }
        if (unknown.listed() && known.size() <= LISTED) {
            return ": " + String.join(", ", known);
        }
        return nearest(unknown.asked(), known, name -> name).stream()
                .findFirst()
                .map(name -> ": did you mean '" + name + "'?")
                .orElse("");
    }

    /**
     * The message about an unknown command, with the most similar ones, compared with their scopes only if the name has
     * one.
     */
    static String unknownCommand(String name, Collection<String> commands) {
        boolean scoped = name.indexOf(':') >= 0;
        List<String> similar =
                nearest(name, commands, command -> scoped ? command : command.substring(command.indexOf(':') + 1));
        return "no command '" + name + "'; "
                + (similar.isEmpty()
                        ? "'help' lists the commands"
                        : "did you mean " + String.join(" or ", similar) + "?");
    }

    private static List<String> nearest(String asked, Collection<String> known, UnaryOperator<String> spelt) {
        Map<String, Integer> distances = known.stream()
                .distinct()
                .collect(Collectors.toMap(name -> name, name -> distance(asked, spelt.apply(name))));
        int least =
                distances.values().stream().mapToInt(Integer::intValue).min().orElse(0);
        return distances.entrySet().stream()
                .filter(entry ->
                        entry.getValue() == least && least < asked.length() && least <= Math.max(1, asked.length() / 3))
                .map(Map.Entry::getKey)
                .sorted()
                .limit(OFFERED)
                .toList();
    }

    /** The Damerau-Levenshtein distance: insertions, deletions, substitutions, and swaps of two characters. */
    static int distance(String left, String right) {
        String a = left.toLowerCase(Locale.ROOT);
        String b = right.toLowerCase(Locale.ROOT);
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int replaced = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                d[i][j] = Math.min(replaced, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
                boolean swapped =
                        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
                if (swapped) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
