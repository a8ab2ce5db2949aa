package mdev.console.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import mdev.api.shell.ShellResult;
import org.jspecify.annotations.Nullable;

/**
 * Renders results as plain text: a listing as aligned columns under upper-case headings, details as one fact per line.
 */
final class PlainText {
    private static final String GAP = "  ";

    private PlainText() {}

    static String render(ShellResult result) {
        return switch (result) {
            case ShellResult.Done _ -> "";
            case ShellResult.Text(String text) -> text;
            case ShellResult.Listing(var columns, var rows) -> table(columns, rows, "");
            case ShellResult.Details(var fields) -> details(fields, "");
        };
    }

    private static String table(
            List<String> columns, List<? extends List<? extends @Nullable Object>> rows, String indent) {
        List<List<String>> cells = new ArrayList<>();
        cells.add(
                columns.stream().map(column -> column.toUpperCase(Locale.ROOT)).toList());
        rows.forEach(row -> cells.add(row.stream().map(PlainText::cell).toList()));
        StringBuilder text = new StringBuilder();
        int[] widths = new int[columns.size()];
        boolean[] right = new boolean[columns.size()];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            widths[i] = cells.stream()
                    .mapToInt(row -> row.get(column).length())
                    .max()
                    .orElse(0);
            right[i] = isNumeric(rows.stream().map(row -> row.get(column)).toList());
        }
        for (List<String> row : cells) {
            StringBuilder line = new StringBuilder(indent);
            for (int i = 0; i < widths.length; i++) {
                String padding = " ".repeat(widths[i] - row.get(i).length());
                line.append(i == 0 ? "" : GAP)
                        .append(right[i] ? padding : "")
                        .append(row.get(i))
                        .append(right[i] ? "" : padding);
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }

    private static boolean isNumeric(List<? extends @Nullable Object> values) {
        return values.stream().anyMatch(Number.class::isInstance)
                && values.stream().allMatch(value -> value == null || value instanceof Number);
    }

    private static String details(Map<?, ?> fields, String indent) {
        int width = fields.keySet().stream()
                .mapToInt(key -> key.toString().length() + 1)
                .max()
                .orElse(0);
        StringBuilder text = new StringBuilder();
        fields.forEach((key, value) -> {
            String inner = indent + GAP;
            switch (value) {
                case Map<?, ?> map
                when !map.isEmpty() ->
                    text.append(indent).append(key).append(":\n").append(details(map, inner));
                case List<?> list
                when !list.isEmpty() && list.stream().allMatch(Map.class::isInstance) ->
                    text.append(indent).append(key).append(":\n").append(table(list, inner));
                case String string
                when string.indexOf('\n') >= 0 -> {
                    text.append(indent).append(key).append(":\n");
                    string.lines()
                            .forEach(line -> text.append(inner).append(line).append('\n'));
                }
                case null, default -> {
                    String name = (key + ":" + " ".repeat(width)).substring(0, width);
                    text.append((indent + name + GAP + cell(value)).stripTrailing())
                            .append('\n');
                }
            }
        });
        return text.toString();
    }

    /** A list of objects; the keys of the first are the columns. */
    private static String table(List<?> maps, String indent) {
        List<?> keys = List.copyOf(((Map<?, ?>) maps.getFirst()).keySet());
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (Object map : maps) {
            List<@Nullable Object> row = new ArrayList<>();
            keys.forEach(key -> row.add(((Map<?, ?>) map).get(key)));
            rows.add(row);
        }
        return table(keys.stream().map(Object::toString).toList(), rows, indent);
    }

    /**
     * Formats a value on one line, with control characters escaped: they would break the table or control the terminal.
     */
    private static String cell(@Nullable Object value) {
        return switch (value) {
            case null -> "-";
            case Boolean truth -> truth ? "yes" : "no";
            case List<?> list ->
                list.isEmpty() ? "-" : list.stream().map(PlainText::cell).collect(Collectors.joining(","));
            case Map<?, ?> map ->
                map.isEmpty()
                        ? "-"
                        : map.entrySet().stream()
                                .map(entry -> entry.getKey() + "=" + cell(entry.getValue()))
                                .collect(Collectors.joining(","));
            default -> printable(value.toString());
        };
    }

    /** The text with control characters escaped. */
    static String printable(String text) {
        if (text.chars().noneMatch(Character::isISOControl)) {
            return text;
        }
        return text.chars()
                .mapToObj(c -> switch (c) {
                    case '\n' -> "\\n";
                    case '\t' -> "\\t";
                    default -> Character.isISOControl(c) ? "\\x%02x".formatted(c) : Character.toString(c);
                })
                .collect(Collectors.joining());
    }
}
