package mdev.core.sysfs;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Names in order for those who list, made when somebody does, and kept up while few of them have come and gone since they were sorted: a
 * listing comes in pages, and there may be many listings. Nothing is kept for those who never list: to keep a large directory sorted costs a create and a remove more than all the rest
 * of the tree does. It holds names, not nodes, so nothing that is gone is kept alive.
 */
final class NameOrder {
    /**
     * So many changes since it was sorted, and one more for every so many names, are caught up with; after more it is sorted anew when somebody lists.
     * All since then count, also those that a listing has merged: what is gone stays in the order until it is sorted anew.
     */
    private static final int CHANGES = 64;

    private static final int NAMES_PER_CHANGE = 4;

    /** Sorted; may name what is gone. Null: nobody has listed since there were too many changes. The monitor guards all three. */
    private String @Nullable [] sorted;

    /** Names that came since. */
    private final Set<String> added = new HashSet<>();

    private int changes;

    synchronized void added(String name) {
        if (changed()) {
            added.add(name);
        }
    }

    synchronized void removed() {
        changed();
    }

    private boolean changed() {
        if (sorted == null) {
            return false;
        }
        changes++;
        if (changes > CHANGES + sorted.length / NAMES_PER_CHANGE) {
            sorted = null;
            added.clear();
            return false;
        }
        return true;
    }

    /**
     * The names in order: all that are there during the call, and maybe some that are gone.
     *
     * @param present those that are there now, asked only if they have to be sorted anew
     */
    synchronized String[] names(Set<String> present) {
        String[] names = sorted;
        if (names == null) {
            names = present.toArray(String[]::new);
            Arrays.sort(names);
            changes = 0;
        } else if (!added.isEmpty()) {
            names = merge(names, added.toArray(String[]::new));
        }
        added.clear();
        sorted = names;
        return names;
    }

    private static String[] merge(String[] sorted, String[] more) {
        Arrays.sort(more);
        String[] all = new String[sorted.length + more.length];
        int length = 0;
        int s = 0;
        int m = 0;
        while (s < sorted.length || m < more.length) {
            int order = s == sorted.length ? 1 : m == more.length ? -1 : sorted[s].compareTo(more[m]);
            all[length++] = order <= 0 ? sorted[s] : more[m];
            // A name that went and came again is in both.
            s += order <= 0 ? 1 : 0;
            m += order >= 0 ? 1 : 0;
        }
        return Arrays.copyOf(all, length);
    }
}
