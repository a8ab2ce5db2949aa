package itests;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;

/** A shell attached to a platform that reports everything that a command can change. */
final class StateObserver {
    private static final String ALL = "sysfs:tree /sys; mdev:list; mdev:lsmod; mdev:types; vfio:groups; lb -s";
    private static final String END = "end-of-state";

    private final Process shell;
    private final Writer in;
    private final BufferedReader out;

    private StateObserver(Process shell) {
        this.shell = shell;
        this.in = shell.outputWriter();
        this.out = shell.inputReader();
    }

    static StateObserver of(Mdev mdev, String run) throws IOException {
        return new StateObserver(
                mdev.command("--run", run).redirectErrorStream(true).start());
    }

    String now() throws IOException {
        in.write(ALL + "\n" + END + "\n");
        in.flush();
        StringBuilder state = new StringBuilder();
        // The error for an unknown command follows the output of all earlier commands.
        for (String line = out.readLine(); line == null || !line.contains("'" + END + "'"); line = out.readLine()) {
            if (line == null) {
                throw new AssertionError("the platform closed the shell after\n" + state);
            }
            state.append(line).append('\n');
        }
        return state.toString();
    }

    void close() throws IOException, InterruptedException {
        in.close();
        Mdev.end(shell);
    }
}
