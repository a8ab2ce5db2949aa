package itests.vm;

import itests.Patience;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;

/** The host's end of {@code cnf/vm/guest/agent}, which documents the protocol. Not thread-safe. */
final class Agent implements AutoCloseable {
    private final UnixStream stream;

    Agent(UnixStream stream) {
        this.stream = stream;
    }

    /** Waits until the guest has booted; discards unread output of an earlier boot. */
    void awaitReady() throws IOException {
        var deadline = Deadline.in(Patience.TIME);
        while (!stream.line(deadline).equals("ready")) {}
    }

    /** Sends a script; the next {@link #result} reads its result. */
    void send(String script, Duration time) throws IOException {
        var encoded = Base64.getEncoder().encodeToString(script.getBytes(StandardCharsets.UTF_8));
        stream.send(time.toSeconds() + " " + encoded + "\n", Deadline.in(Patience.TIME));
    }

    /** Extra time for an emulated guest, which may detect a script's timeout late. */
    Result result(Duration time) throws IOException {
        var deadline = Deadline.in(time.plus(Patience.TIME));
        var head = stream.line(deadline);
        int space = head.indexOf(' ');
        var output = stream.text(Integer.parseInt(head.substring(space + 1)), deadline);
        return new Result(Integer.parseInt(head.substring(0, space)), output);
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }
}
