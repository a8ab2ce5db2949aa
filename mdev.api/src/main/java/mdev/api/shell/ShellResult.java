package mdev.api.shell;

import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * What a command answers. Values are strings, numbers, booleans, null, or lists and maps of such; everything but {@link Text} and
 * {@link Done} can be had as JSON.
 */
public sealed interface ShellResult {
    /** The command has nothing to say. */
    ShellResult DONE = new Done();

    /** See {@link ShellResult#DONE}. */
    record Done() implements ShellResult {}

    /** Text as it is. */
    record Text(String text) implements ShellResult {}

    /**
     * A table; in JSON an array of objects.
     *
     * @param columns the headings, which are also the keys: lower case, words joined by {@code _}
     * @param rows each as long as {@code columns}
     */
    record Listing(List<String> columns, List<List<@Nullable Object>> rows) implements ShellResult {
        public Listing {
            columns = List.copyOf(columns);
        }
    }

    /**
     * Facts about one thing; in JSON an object.
     *
     * @param fields in the order to be shown
     */
    record Details(SequencedMap<String, @Nullable Object> fields) implements ShellResult {}
}
