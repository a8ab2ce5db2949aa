package mdev.console.engine;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.sync.BoundedCalls;
import org.apache.felix.gogo.runtime.CommandNotFoundException;
import org.apache.felix.gogo.runtime.Parser;
import org.apache.felix.gogo.runtime.Parser.Executable;
import org.apache.felix.gogo.runtime.Parser.Operator;
import org.apache.felix.gogo.runtime.Parser.Pipeline;
import org.apache.felix.gogo.runtime.Parser.Statement;
import org.apache.felix.gogo.runtime.SyntaxError;
import org.apache.felix.gogo.runtime.Token;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.CommandSession;
import org.apache.felix.service.command.Converter;
import org.apache.felix.service.command.Function;
import org.apache.felix.service.command.Job;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A shell on a Gogo session. Gogo abandons a line at the first exception, so the line is split here: {@code ;}
 * continues after a failure, {@code &&} and {@code ||} test its status, and a pipe fails when one of its commands
 * fails.
 */
public final class GogoShell implements Shell {
    private static final Logger LOG = LoggerFactory.getLogger(GogoShell.class);

    /** A word that Gogo takes for a command. */
    private static final Pattern PLAIN_NAME = Pattern.compile("(?!(?:true|false|null)$)[A-Za-z_?][\\w:.?-]*");

    private final CommandProcessor processor;
    private final Catalogue catalogue;
    private final Completer completer;
    private final UserTerminal terminal;
    private final PrintStream out;
    private final PrintStream err;
    private volatile CommandSession session;

    /** The run that {@link #interrupt} interrupts. */
    private volatile @Nullable Run current;

    public GogoShell(CommandProcessor processor, Catalogue catalogue, UserTerminal terminal) {
        this.processor = processor;
        this.catalogue = catalogue;
        this.completer = new Completer(catalogue);
        this.terminal = terminal;
        this.out = new PrintStream(terminal.out(), true, StandardCharsets.UTF_8);
        this.err = new PrintStream(terminal.err(), true, StandardCharsets.UTF_8);
        this.session = open();
    }

    private CommandSession open() {
        CommandSession opened = processor.createSession(
                terminal.in(), terminal.out(), Failures.reworded(terminal.err(), this::partFailed));
        opened.put("SCOPE", String.join(":", Catalogue.SCOPES) + ":*");
        // Arguments are sysfs paths and URLs: no globbing in the working directory.
        opened.put(CommandSession.OPTION_NO_GLOB, true);
        return opened;
    }

    @Override
    public Outcome run(String line) {
        Run run = new Run(terminal, other -> new GogoShell(processor, catalogue, other), this::commands);
        current = run;
        session.currentDir(terminal.directory()); // for redirections
        run.attach(session);
        try {
            return run(run, line);
        } finally {
            current = null;
            if (run.interrupted()) {
                run.awaitCommands();
                run.running()
                        .forEach(thread -> LOG.warn(
                                "left behind a command of '{}' that does not end", line, BoundedCalls.stackOf(thread)));
                renew();
            }
        }
    }

    private Outcome run(Run run, String line) {
        List<Executable> parts;
        try {
            parts = alternate(new Parser(line).program().tokens());
        } catch (SyntaxError e) {
            err.println("mdev: " + Failures.line(e));
            return new Outcome(Outcome.USAGE, false);
        }
        int failure = 0;
        int status = 0;
        String operator = ";";
        for (int i = 0; i < parts.size(); i += 2) {
            boolean skipped = (operator.equals("&&") && status != 0) || (operator.equals("||") && status == 0);
            String next = i + 1 < parts.size() ? parts.get(i + 1).toString() : ";";
            if (!skipped) {
                int end = i + 1 < parts.size() ? parts.get(i + 1).start() : line.length();
                String text = line.substring(parts.get(i).start(), end) + (next.equals("&") ? "&" : "");
                status = pipe(run, parts.get(i), text);
            }
            if (run.interrupted()) {
                return new Outcome(Outcome.INTERRUPTED, false);
            }
            if (run.exiting()) {
                return new Outcome(run.exitStatus(), true);
            }
            boolean listEnds = !next.equals("&&") && !next.equals("||");
            if (listEnds && failure == 0) {
                failure = status;
            }
            operator = next;
        }
        return new Outcome(failure, false);
    }

    /**
     * The statements of a line and the operators between them, in turn: an empty statement, as in {@code a; ; b}, is
     * left out.
     */
    private static List<Executable> alternate(List<Executable> parts) {
        List<Executable> kept = new ArrayList<>();
        for (Executable part : parts) {
            boolean operatorExpected = kept.size() % 2 == 1;
            if (part instanceof Operator && !operatorExpected) {
                checkComplete(kept.isEmpty() || !joins(kept.getLast()) ? part : kept.getLast());
            } else if (part instanceof Operator || !isEmpty(part)) {
                kept.add(part);
            }
        }
        if (kept.size() % 2 == 0 && !kept.isEmpty()) {
            checkComplete(kept.getLast());
        }
        return kept;
    }

    private static void checkComplete(Executable operator) {
        if (joins(operator)) {
            throw new SyntaxError(operator.line(), operator.column(), "a command is missing beside '" + operator + "'");
        }
    }

    private static boolean isEmpty(Executable part) {
        return part instanceof Statement statement
                && statement.tokens().isEmpty()
                && statement.redirections().isEmpty();
    }

    private static boolean joins(Executable operator) {
        return operator.toString().matches("&&|\\|\\|");
    }

    /** Within a pipe, Gogo reports an unknown command in its own words, and runs the others. */
    private void check(Pipeline pipe) throws CommandNotFoundException {
        for (Executable part : pipe.tokens()) {
            List<Token> words = part instanceof Statement statement ? statement.tokens() : List.of();
            String name = words.isEmpty() ? "" : words.getFirst().toString();
            boolean assigned = words.size() > 1 && Token.eq("=", words.get(1));
            if (PLAIN_NAME.matcher(name).matches()
                    && !assigned
                    && !isFunction(name)
                    && !isFunction(name.indexOf(':') < 0 ? "*:" + name : name)) {
                throw new CommandNotFoundException(name);
            }
        }
    }

    private boolean isFunction(String name) {
        return session.get(name) instanceof Function;
    }

    private int pipe(Run run, Executable part, String text) {
        try {
            if (part instanceof Pipeline pipe) {
                check(pipe);
            }
            Object result = session.execute(text);
            if (result != null) {
                out.println(session.format(result, Converter.INSPECT).toString().stripTrailing());
            }
            return run.takeStatus();
        } catch (CommandNotFoundException e) {
            err.println("mdev: " + Spelling.unknownCommand(e.getCommand(), commands()));
            return Outcome.NOT_FOUND;
        } catch (InterruptedException e) {
            // Either this thread was interrupted, which equals Ctrl-C, or the command's.
            run.interrupt();
            return Outcome.INTERRUPTED;
        } catch (Exception e) {
            if (!run.interrupted()) {
                err.println("mdev: " + Failures.line(e));
            }
            run.takeStatus();
            return Failures.status(e);
        }
    }

    private void partFailed() {
        Run run = current;
        if (run != null) {
            run.failed(Outcome.FAILED);
        }
    }

    /** The names of all commands, with their scopes: the declared ones, and those of other bundles as Felix's. */
    private Set<String> commands() {
        Set<String> names = catalogue.all().stream().map(Usage::name).collect(Collectors.toCollection(TreeSet::new));
        if (session.get(".commands") instanceof Set<?> others) {
            // Gogo keeps the names of removed commands.
            others.stream().map(Object::toString).filter(this::isFunction).forEach(names::add);
        }
        return names;
    }

    @Override
    public void interrupt() {
        Run run = current;
        if (run != null) {
            run.interrupt();
            Job job = session.foregroundJob();
            if (job != null) {
                job.interrupt();
            }
        }
    }

    /** Replaces the session by one with new streams: interrupting a thread that uses a stream closes it permanently. */
    private void renew() {
        CommandSession old = session;
        CommandSession renewed = open();
        if (old.get(null) instanceof Set<?> names) {
            names.stream()
                    .map(Object::toString)
                    .filter(name -> !name.startsWith("."))
                    .forEach(name -> renewed.put(name, old.get(name)));
        }
        session = renewed;
        old.close();
    }

    @Override
    public List<Completion> complete(String head) {
        return completer.complete(head);
    }

    @Override
    public void close() {
        session.close();
    }
}
