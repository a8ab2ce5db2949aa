package mdev.api.shell;

import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * The result of a command. Values are strings, numbers, booleans, null, or lists and maps of such; all results except
 * {@link Text} and {@link Done} can be printed as JSON.
 */
public sealed interface ShellResult {
    /** The command prints nothing. */
    ShellResult DONE = new Done();

    /** See {@link ShellResult#DONE}. */
    record Done() implements ShellResult {}

    /** Text that is printed unchanged. */
    record Text(String text) implements ShellResult {}

    /**
     * A table; in JSON an array of objects.
     *
     * @param columns the headings, which are also the keys: lower case, words joined by {@code _}
     * @param rows the rows; each has as many values as {@code columns}
     * @param shown how many of the columns a table has; the others are only in JSON
     */
    record Listing(List<String> columns, List<List<@Nullable Object>> rows, int shown) implements ShellResult {
        public Listing {
            columns = List.copyOf(columns);
            Objects.checkIndex(shown, columns.size() + 1);
        }

        /** A table that shows all columns. */
        public Listing(List<String> columns, List<List<@Nullable Object>> rows) {
            this(columns, rows, columns.size());
        }
    }

    /**
     * Facts about one thing; in JSON an object.
     *
     * @param fields in display order
     */
    record Details(SequencedMap<String, @Nullable Object> fields) implements ShellResult {}
}
