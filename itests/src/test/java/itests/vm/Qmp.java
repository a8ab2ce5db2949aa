package itests.vm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import itests.Patience;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** QEMU's control connection (QEMU, docs/interop/qmp-spec.rst). Not thread-safe. */
final class Qmp implements AutoCloseable {
    private final JsonMapper json = new JsonMapper();
    private final UnixStream stream;
    /** Events received while waiting for another message. */
    private final List<JsonNode> events = new ArrayList<>();

    Qmp(UnixStream stream) throws IOException {
        this.stream = stream;
        next(message -> message.has("QMP"), Deadline.in(Patience.TIME));
        execute("qmp_capabilities", Map.of());
    }

    /**
     * Runs a command.
     *
     * @return the command's result
     * @throws AssertionError if QEMU rejects it, with QEMU's reason
     */
    JsonNode execute(String command, Map<String, ?> arguments) throws IOException {
        var deadline = Deadline.in(Patience.TIME);
        send(command, arguments, deadline);
        var reply = next(message -> message.has("return") || message.has("error"), deadline);
        if (reply.has("error")) {
            throw new AssertionError(command + ": " + reply.at("/error/desc").asText());
        }
        return reply.get("return");
    }

    JsonNode execute(String command) throws IOException {
        return execute(command, Map.of());
    }

    /** Waits for an event, or consumes one received since the last call for it. */
    JsonNode event(String name) throws IOException {
        Predicate<JsonNode> wanted = message -> message.path("event").asText().equals(name);
        for (var event : events) {
            if (wanted.test(event)) {
                events.remove(event);
                return event;
            }
        }
        return next(wanted, Deadline.in(Patience.TIME));
    }

    /** Sends a command that may get no reply because QEMU exits. */
    void send(String command) throws IOException {
        send(command, Map.of(), Deadline.in(Patience.TIME));
    }

    private void send(String command, Map<String, ?> arguments, Deadline deadline) throws IOException {
        stream.send(json.writeValueAsString(Map.of("execute", command, "arguments", arguments)) + "\n", deadline);
    }

    private JsonNode next(Predicate<JsonNode> wanted, Deadline deadline) throws IOException {
        while (true) {
            var message = json.readTree(stream.line(deadline));
            if (wanted.test(message)) {
                return message;
            }
            events.add(message);
        }
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }
}
