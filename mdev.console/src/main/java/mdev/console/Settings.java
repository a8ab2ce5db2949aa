package mdev.console;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The launcher's options, passed as framework properties.
 *
 * @param mode {@code mdev.mode}
 * @param command {@code mdev.command}: the line of {@link Mode#COMMAND}
 * @param run {@code mdev.run}: the run directory
 * @param mount whether {@code mdev.mount}, the directory to mount the tree on, is set
 * @param load {@code mdev.load}: modules to load at start
 * @param leftovers {@code mdev.leftovers}: names in the run directory that the launcher created for this process, to be
 *     deleted at its end
 */
record Settings(Mode mode, String command, Path run, boolean mount, List<String> load, List<Path> leftovers) {
    enum Mode {
        SHELL,
        COMMAND,
        SERVE;

        private String property() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    Settings {
        load = List.copyOf(load);
        leftovers = List.copyOf(leftovers);
    }

    /** @throws IllegalArgumentException with a one-line message for the user */
    static Settings of(Function<String, @Nullable String> properties) {
        UnaryOperator<String> property =
                name -> Optional.ofNullable(properties.apply("mdev." + name)).orElse("");
        String given = property.apply("run");
        Path run = Path.of(given.isEmpty() ? "/run/mdev" : given);
        return new Settings(
                mode(property.apply("mode")),
                property.apply("command"),
                run,
                !property.apply("mount").isEmpty(),
                words(property.apply("load"), ",").toList(),
                words(property.apply("leftovers"), ":").map(run::resolve).toList());
    }

    private static Stream<String> words(String list, String separator) {
        return Arrays.stream(list.split(separator)).map(String::strip).filter(word -> !word.isEmpty());
    }

    private static Mode mode(String name) {
        if (name.isEmpty()) {
            return Mode.SHELL;
        }
        return Arrays.stream(Mode.values())
                .filter(mode -> mode.property().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no mode '" + name + "': "
                        + Arrays.stream(Mode.values()).map(Mode::property).collect(Collectors.joining(", "))));
    }
}
