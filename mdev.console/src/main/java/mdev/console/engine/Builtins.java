package mdev.console.engine;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.console.shell.Shell.Outcome;
import mdev.console.shell.Words;
import org.jspecify.annotations.Nullable;

/** The commands of the shell itself. */
final class Builtins implements ShellCommands {
    private static final String SCOPE = "console";

    private final Catalogue commands;
    private final SequencedMap<String, @Nullable Object> versions;

    /** @param versions the versions of the platform, the framework and the JVM */
    Builtins(Catalogue commands, SequencedMap<String, @Nullable Object> versions) {
        this.commands = commands;
        this.versions = versions;
    }

    @Override
    public List<ShellCommand> commands() {
        Parameter command = Parameter.optional(
                "command", (_, _) -> commands.all().stream().map(Usage::name).toList());
        Parameter status = Parameter.optional("status", Candidates.NONE);
        String explain = "list the commands, or explain one";
        String leave = "leave the shell; a platform that was started with it ends";
        return List.of(
                ShellCommand.of(SCOPE, "help", explain, this::help, command),
                ShellCommand.of(SCOPE, "?", explain, this::help, command),
                ShellCommand.of(SCOPE, "exit", leave, Builtins::exit, status),
                ShellCommand.of(SCOPE, "quit", leave, Builtins::exit, status),
                ShellCommand.of(SCOPE, "clear", "clear the terminal", Builtins::clear),
                ShellCommand.of(SCOPE, "version", "show the versions", _ -> new ShellResult.Details(versions)),
                ShellCommand.of(SCOPE, "echo", "print words", Builtins::echo, Parameter.many("word", Candidates.NONE))
                        .withFlag("-n", "without a line end"),
                ShellCommand.of(
                                SCOPE,
                                "grep",
                                "print the lines of the input that match a regular expression",
                                Builtins::grep,
                                Parameter.one("pattern", Candidates.NONE))
                        .withFlag("-c", "print their number only")
                        .withFlag("-i", "ignore case")
                        .withFlag("-n", "with line numbers")
                        .withFlag("-q", "print nothing: the status is 0 if there is one")
                        .withFlag("-v", "those that do not match"));
    }

    private ShellResult help(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        Set<String> names = ((Invocation) invocation).run().names();
        if (invocation.arguments().isEmpty()) {
            List<List<@Nullable Object>> rows = new ArrayList<>();
            for (String name : names) {
                rows.add(commands.find(name)
                        .map(command -> List.<@Nullable Object>of(Usage.line(command), command.summary()))
                        .orElseGet(() -> List.of(name, "'help " + name + "' explains it")));
            }
            return new ShellResult.Listing(List.of("command", "summary"), rows);
        }
        String name = invocation.arguments().getFirst();
        Optional<ShellCommand> declared = commands.find(name);
        if (declared.isPresent()) {
            return new ShellResult.Text(Usage.help(declared.get()));
        }
        if (names.stream().anyMatch(other -> other.equals(name) || other.endsWith(":" + name))) {
            return new ShellResult.Text(
                    invocation.run("felix:help " + Words.quote(name)).out());
        }
        throw new ErrnoException(Errno.ENOENT, Spelling.unknownCommand(name, names));
    }

    private static ShellResult exit(ShellInvocation invocation) throws ErrnoException {
        String status =
                invocation.arguments().isEmpty() ? "0" : invocation.arguments().getFirst();
        if (!status.matches("\\d{1,3}") || Integer.parseInt(status) > 255) {
            throw new ErrnoException(Errno.EINVAL, "no status '" + status + "': 0 to 255");
        }
        ((Invocation) invocation).run().exit(Integer.parseInt(status));
        return ShellResult.DONE;
    }

    private static ShellResult clear(ShellInvocation invocation) {
        boolean terminal = ((Invocation) invocation).width() < Integer.MAX_VALUE;
        return terminal ? new ShellResult.Text("\033[H\033[2J") : ShellResult.DONE;
    }

    private static ShellResult echo(ShellInvocation invocation) {
        return new ShellResult.Text(String.join(" ", invocation.arguments()) + (invocation.flag("-n") ? "" : "\n"));
    }

    private static ShellResult grep(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        Predicate<String> wanted = pattern(invocation);
        long number = 0;
        long found = 0;
        try {
            BufferedReader lines = new BufferedReader(new InputStreamReader(invocation.in(), StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                if (wanted.test(line)) {
                    found++;
                    if (!invocation.flag("-q") && !invocation.flag("-c")) {
                        String prefix = invocation.flag("-n") ? number + ":" : "";
                        invocation.print(prefix + line + "\n", new TreeMap<>(Map.of("line", number, "text", line)));
                    }
                }
            }
        } catch (InterruptedIOException e) {
            throw (InterruptedException) new InterruptedException().initCause(e);
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, "the input cannot be read: " + e.getMessage());
        }
        if (invocation.flag("-c")) {
            invocation.print(found + "\n", Map.of("count", found));
        }
        if (found == 0) {
            ((Invocation) invocation).fail(Outcome.FAILED);
        }
        return ShellResult.DONE;
    }

    private static Predicate<String> pattern(ShellInvocation invocation) throws ErrnoException {
        String regex = invocation.arguments().getFirst();
        try {
            Predicate<String> matches = Pattern.compile(regex, invocation.flag("-i") ? Pattern.CASE_INSENSITIVE : 0)
                    .asPredicate();
            return invocation.flag("-v") ? matches.negate() : matches;
        } catch (PatternSyntaxException e) {
            throw new ErrnoException(
                    Errno.EINVAL, "'" + regex + "' is not a regular expression: " + e.getDescription());
        }
    }
}
