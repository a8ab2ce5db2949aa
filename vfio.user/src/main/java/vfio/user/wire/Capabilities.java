package vfio.user.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import mdev.api.errno.ErrnoException;

/**
 * The capabilities in the JSON of a VERSION message. Absent fields have the specification's default.
 *
 * @param maxMsgFds the maximum number of descriptors that the sender accepts in a message
 * @param maxDataXferSize the maximum number of data bytes that the sender accepts in a message
 * @param maxDmaMaps the maximum number of mappings
 * @param twinSocket whether the client wants a second socket for commands of the server
 * @param writeMultiple whether the sender supports REGION_WRITE_MULTI
 * @param maxBitmapSize the largest migration bitmap that the sender accepts; 0 if absent
 */
public record Capabilities(
        int maxMsgFds,
        long maxDataXferSize,
        long maxDmaMaps,
        boolean twinSocket,
        boolean writeMultiple,
        long maxBitmapSize) {
    public static final Capabilities DEFAULT = new Capabilities(1, 1 << 20, 65_535, false, false, 0);

    /** The maximum of {@code max_msg_fds} (libvfio-user, {@code MAX_FDS_LIMIT}). */
    private static final int MAX_MSG_FDS = 1024;

    private static final JsonFactory JSON = new JsonFactory();

    /** @throws ErrnoException EINVAL: invalid JSON, or wrong types */
    static Capabilities parse(String json) throws ErrnoException {
        try (JsonParser parser = JSON.createParser(json)) {
            require(parser.nextToken() == JsonToken.START_OBJECT, "the version data are not an object");
            Builder builder = new Builder();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (name.equals("capabilities")) {
                    require(value == JsonToken.START_OBJECT, "capabilities is not an object");
                    builder.read(parser);
                } else {
                    parser.skipChildren();
                }
            }
            require(parser.nextToken() == null, "trailing bytes after the version data");
            return builder.build();
        } catch (IOException e) {
            throw Checks.invalid(Command.VERSION, "the version data are not JSON");
        }
    }

    /** The fields read so far. */
    private static final class Builder {
        private long maxMsgFds = DEFAULT.maxMsgFds;
        private long maxDataXferSize = DEFAULT.maxDataXferSize;
        private long maxDmaMaps = DEFAULT.maxDmaMaps;
        private boolean twinSocket;
        private boolean writeMultiple;
        private long maxBitmapSize;

        void read(JsonParser parser) throws IOException, ErrnoException {
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "max_msg_fds" -> maxMsgFds = number(parser, name, 0, MAX_MSG_FDS);
                    case "max_data_xfer_size" -> maxDataXferSize = number(parser, name, 1, Long.MAX_VALUE);
                    case "max_dma_maps" -> maxDmaMaps = number(parser, name, 0, Long.MAX_VALUE);
                    case "pgsizes" -> number(parser, name, 0, Long.MAX_VALUE);
                    case "write_multiple" -> writeMultiple = bool(parser, name);
                    case "twin_socket" -> twinSocket = twinSocket(parser);
                    case "migration" -> migration(parser);
                    default -> parser.skipChildren();
                }
            }
        }

        private static boolean twinSocket(JsonParser parser) throws IOException, ErrnoException {
            require(parser.currentToken() == JsonToken.START_OBJECT, "twin_socket is not an object");
            boolean supported = false;
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals("supported")) {
                    supported = bool(parser, name);
                } else {
                    parser.skipChildren();
                }
            }
            return supported;
        }

        private void migration(JsonParser parser) throws IOException, ErrnoException {
            require(parser.currentToken() == JsonToken.START_OBJECT, "migration is not an object");
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals("pgsize")) {
                    long pgsize = number(parser, name, 1, Long.MAX_VALUE);
                    require(Long.bitCount(pgsize) == 1, "pgsize is not a power of two: " + pgsize);
                } else if (name.equals("max_bitmap_size")) {
                    maxBitmapSize = number(parser, name, 0, Long.MAX_VALUE);
                } else {
                    parser.skipChildren();
                }
            }
        }

        private static long number(JsonParser parser, String name, long least, long most)
                throws IOException, ErrnoException {
            require(parser.currentToken() == JsonToken.VALUE_NUMBER_INT, name + " is not a number");
            long value = parser.getLongValue();
            require(value >= least && value <= most, name + " is " + value);
            return value;
        }

        private static boolean bool(JsonParser parser, String name) throws ErrnoException {
            JsonToken token = parser.currentToken();
            require(token == JsonToken.VALUE_TRUE || token == JsonToken.VALUE_FALSE, name + " is not a boolean");
            return token == JsonToken.VALUE_TRUE;
        }

        Capabilities build() {
            return new Capabilities(
                    (int) maxMsgFds, maxDataXferSize, maxDmaMaps, twinSocket, writeMultiple, maxBitmapSize);
        }
    }

    private static void require(boolean right, String reason) throws ErrnoException {
        Checks.require(right, Command.VERSION, reason);
    }

    /**
     * The JSON of a server's answer; the twin socket is the first descriptor of the message. As short as possible, see
     * {@link Dialect}.
     */
    String json() {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            json.writeObjectFieldStart("capabilities");
            json.writeNumberField("max_msg_fds", maxMsgFds);
            json.writeNumberField("max_data_xfer_size", maxDataXferSize);
            json.writeNumberField("max_dma_maps", maxDmaMaps);
            json.writeNumberField("pgsizes", 4096);
            if (writeMultiple) {
                json.writeBooleanField("write_multiple", true);
            }
            if (twinSocket) {
                json.writeObjectFieldStart("twin_socket");
                json.writeBooleanField("supported", true);
                json.writeNumberField("fd_index", 0);
                json.writeEndObject();
            }
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException e) {
            throw new IllegalStateException(e); // a string writer never fails
        }
        return text.toString();
    }
}
