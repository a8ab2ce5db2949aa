package mdev.core.shell;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Error lines that say what would be right. */
final class Suggestion {
    private static final int MOST = 8;

    private Suggestion() {}

    /** {@code no type 'mtty-3' on mtty: mtty-1, mtty-2}: what is there, or, of many, the one that was probably meant. */
    static String no(String what, String asked, Collection<String> known) {
        String line = "no " + what.replace("%s", "'" + asked + "'");
        List<String> names = known.stream().sorted().toList();
        if (names.isEmpty()) {
            return line + ": there is none";
        }
        if (names.size() <= MOST) {
            return line + ": " + String.join(", ", names);
        }
        return closest(asked, names)
                .map(name -> line + ": did you mean '" + name + "'?")
                .orElse(line);
    }

    /** The known name that fewest edits lead to, if they are few. */
    static Optional<String> closest(String asked, Collection<String> known) {
        return known.stream()
                .filter(name -> distance(asked, name) <= Math.max(1, asked.length() / 3))
                .min(Comparator.comparingInt(name -> distance(asked, name)));
    }

    /** Levenshtein's. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
