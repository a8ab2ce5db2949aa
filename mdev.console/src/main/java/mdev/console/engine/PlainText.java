package mdev.console.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.shell.ShellResult;
import org.jspecify.annotations.Nullable;

/**
 * Renders results as plain text: a listing as aligned columns under upper-case headings, details as one fact per line.
 */
final class PlainText {
    private static final String GAP = "  ";

    /** A column is not narrowed below this width. */
    private static final int LEAST = 12;

    /** The positions at which a cell may be broken. */
    private static final Pattern BREAK = Pattern.compile("(?<=[ ,/])");

    private PlainText() {}

    /** @param width the columns of the terminal: a wider table is narrowed if possible */
    static String render(ShellResult result, int width) {
        return switch (result) {
            case ShellResult.Done _ -> "";
            case ShellResult.Text(String text) -> text;
            case ShellResult.Listing(var columns, var rows, int shown) ->
                table(
                        columns.subList(0, shown),
                        rows.stream().map(row -> row.subList(0, shown)).toList(),
                        "",
                        width);
            case ShellResult.Details(var fields) -> details(fields, "", width);
        };
    }

    private static String table(
            List<String> columns, List<? extends List<? extends @Nullable Object>> rows, String indent, int width) {
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
        narrow(widths, cells, width - indent.length() - GAP.length() * (widths.length - 1));
        for (List<String> row : cells) {
            List<List<String>> wrapped = new ArrayList<>();
            for (int i = 0; i < widths.length; i++) {
                wrapped.add(wrap(row.get(i), widths[i]));
            }
            int lines = wrapped.stream().mapToInt(List::size).max().orElse(0);
            for (int at = 0; at < lines; at++) {
                StringBuilder line = new StringBuilder(indent);
                for (int i = 0; i < widths.length; i++) {
                    String cell = at < wrapped.get(i).size() ? wrapped.get(i).get(at) : "";
                    String padding = " ".repeat(widths[i] - cell.length());
                    line.append(i == 0 ? "" : GAP)
                            .append(right[i] ? padding : "")
                            .append(cell)
                            .append(right[i] ? "" : padding);
                }
                text.append(line.toString().stripTrailing()).append('\n');
            }
        }
        return text.toString();
    }

    /** Narrows the columns that can wrap most by the table's excess width, if it then fits. */
    private static void narrow(int[] widths, List<List<String>> cells, int room) {
        int[] least = new int[widths.length];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            least[i] = cells.stream()
                    .flatMap(row -> Stream.of(BREAK.split(row.get(column))))
                    .mapToInt(piece -> piece.strip().length())
                    .reduce(Math.min(LEAST, widths[i]), Math::max);
        }
        int excess = IntStream.of(widths).sum() - room;
        if (excess > IntStream.of(widths).sum() - IntStream.of(least).sum()) {
            return;
        }
        while (excess > 0) {
            int most = widths.length - 1;
            for (int i = most; i >= 0; i--) {
                most = widths[i] - least[i] > widths[most] - least[most] ? i : most;
            }
            int taken = Math.min(excess, widths[most] - least[most]);
            widths[most] -= taken;
            excess -= taken;
        }
    }

    /** Breaks a cell that is wider than its column, at blanks, commas and slashes. */
    private static List<String> wrap(String cell, int width) {
        if (cell.length() <= width) {
            return List.of(cell);
        }
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String piece : BREAK.split(cell)) {
            if (line.length() + piece.stripTrailing().length() > width) {
                lines.add(line.toString().stripTrailing());
                line.setLength(0);
            }
            line.append(piece);
        }
        lines.add(line.toString().stripTrailing());
        return lines;
    }

    private static boolean isNumeric(List<? extends @Nullable Object> values) {
        return values.stream().anyMatch(Number.class::isInstance)
                && values.stream().allMatch(value -> value == null || value instanceof Number);
    }

    private static String details(Map<?, ?> fields, String indent, int width) {
        int longest = fields.keySet().stream()
                .mapToInt(key -> key.toString().length() + 1)
                .max()
                .orElse(0);
        StringBuilder text = new StringBuilder();
        fields.forEach((key, value) -> {
            String inner = indent + GAP;
            switch (value) {
                case Map<?, ?> map
                when !map.isEmpty() ->
                    text.append(indent).append(key).append(":\n").append(details(map, inner, width));
                case List<?> list
                when !list.isEmpty() && list.stream().allMatch(Map.class::isInstance) ->
                    text.append(indent).append(key).append(":\n").append(table(list, inner, width));
                case String string
                when string.indexOf('\n') >= 0 -> {
                    text.append(indent).append(key).append(":\n");
                    string.lines()
                            .forEach(line -> text.append(inner).append(line).append('\n'));
                }
                case null, default -> {
                    String name = (key + ":" + " ".repeat(longest)).substring(0, longest);
                    text.append((indent + name + GAP + cell(value)).stripTrailing())
                            .append('\n');
                }
            }
        });
        return text.toString();
    }

    /** A list of objects; the keys of the first are the columns. */
    private static String table(List<?> maps, String indent, int width) {
        List<?> keys = List.copyOf(((Map<?, ?>) maps.getFirst()).keySet());
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (Object map : maps) {
            List<@Nullable Object> row = new ArrayList<>();
            keys.forEach(key -> row.add(((Map<?, ?>) map).get(key)));
            rows.add(row);
        }
        return table(keys.stream().map(Object::toString).toList(), rows, indent, width);
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
