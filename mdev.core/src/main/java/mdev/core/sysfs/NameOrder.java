package mdev.core.sysfs;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The sorted names of a large directory, built by the first listing and updated while few names have changed since the
 * last sort: a listing consists of pages, and there may be many listings. Without listings no order is kept: keeping a
 * large directory sorted would cost a create and a remove more than the rest of the tree. It stores names, not nodes,
 * so it keeps no removed node alive.
 */
final class NameOrder {
    /**
     * Merges up to CHANGES + n/NAMES_PER_CHANGE changes after a sort; after more changes, the next listing sorts again.
     * All changes since the sort count, including those that a listing has merged: removed names stay in the order
     * until the next sort.
     */
    private static final int CHANGES = 64;

    private static final int NAMES_PER_CHANGE = 4;

    /**
     * Sorted; may contain removed names. Null if there was no listing since the number of changes exceeded the limit.
     * The monitor guards all three.
     */
    private String @Nullable [] sorted;

    /** The names added since the sort. */
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
     * The names in order: all that exist during the whole call, and possibly some removed ones.
     *
     * @param present supplies the current names; called only if they must be sorted again
     */
    synchronized String[] names(Set<String> present) {
        String[] names = sorted;
        if (names == null) {
            names = present.toArray(String[]::new);
            Arrays.sort(names);
            changes = 0;
        } else if (!added.isEmpty()) {
            // Merges two sorted runs; a name that was removed and added again is in both.
            names = Stream.concat(Stream.of(names), added.stream().sorted())
                    .sorted()
                    .distinct()
                    .toArray(String[]::new);
        }
        added.clear();
        sorted = names;
        return names;
    }
}
