package mdev.sys;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import mdev.linux.LinuxException;
import mdev.linux.NetlinkSocket;

/** The platform's stream of uevents: lines of JSON objects, whose values are strings. */
final class UeventRelay {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String ENDED = "the platform has ended: its part of /sys fails from now on";
    private static final int BUFFER = 64 << 10;

    private final InputStream stream;

    /** The beginning of a line. */
    private final ByteArrayOutputStream begun = new ByteArrayOutputStream();

    UeventRelay(InputStream stream) {
        this.stream = stream;
    }

    /**
     * Forwards each event to the listeners of libudev, after {@code /sys} shows what the event is about, until the
     * platform ends.
     */
    void forward(MergedDirectory sys, NetlinkSocket listeners) {
        try {
            byte[] buffer = new byte[BUFFER];
            for (int n = stream.read(buffer); n >= 0; n = stream.read(buffer)) {
                List<SequencedMap<String, String>> events = parse(buffer, n);
                if (!events.isEmpty()) { // one update for all that came together
                    sys.update();
                }
                for (SequencedMap<String, String> event : events) {
                    send(event, listeners);
                }
            }
            SysAgent.say(ENDED);
        } catch (IOException e) {
            SysAgent.say(ENDED + " (" + e.getMessage() + ")");
        } catch (LinuxException e) {
            SysAgent.say("programs in here receive no uevents any more: " + e.getMessage());
        }
    }

    private static void send(SequencedMap<String, String> event, NetlinkSocket listeners) throws LinuxException {
        String lost = event.get("LOST");
        if (lost != null) {
            SysAgent.say(lost + " uevents of the platform came too fast: programs in here have not received them");
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            byte[] message = UdevMessage.of(event, System.nanoTime() / 1000);
            listeners.send(arena.allocateFrom(JAVA_BYTE, message), UdevMessage.GROUP);
        }
    }

    /** The lines that these bytes complete. */
    List<SequencedMap<String, String>> parse(byte[] bytes, int length) throws IOException {
        List<SequencedMap<String, String>> events = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < length; i++) {
            if (bytes[i] == '\n') {
                begun.write(bytes, start, i - start);
                events.add(event(begun.toString(UTF_8)));
                begun.reset();
                start = i + 1;
            }
        }
        begun.write(bytes, start, length - start);
        return events;
    }

    private static SequencedMap<String, String> event(String line) throws IOException {
        SequencedMap<String, String> fields = new LinkedHashMap<>();
        try (JsonParser json = JSON.createParser(line)) {
            json.nextToken(); // {
            for (String key = json.nextFieldName(); key != null; key = json.nextFieldName()) {
                String value = json.nextTextValue();
                if (value == null) {
                    throw new IOException("not a uevent: " + line);
                }
                fields.put(key, value);
            }
        }
        return fields;
    }
}
