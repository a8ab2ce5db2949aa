package vfio.user.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import mdev.api.errno.ErrnoException;

/**
 * The capabilities in the JSON of a VERSION message. What is absent has the specification's default.
 *
 * @param maxMsgFds how many descriptors the sender takes with one message
 * @param maxDataXferSize how many bytes of data the sender takes with one message
 * @param maxDmaMaps how many mappings there can be
 * @param twinSocket whether there is a second socket for commands of the server
 * @param writeMultiple whether the sender knows REGION_WRITE_MULTI
 * @param maxBitmapSize the largest bitmap of a migration that the sender takes; 0 if it says nothing of it
 */
public record Capabilities(
        int maxMsgFds,
        long maxDataXferSize,
        long maxDmaMaps,
        boolean twinSocket,
        boolean writeMultiple,
        long maxBitmapSize) {
    public static final Capabilities DEFAULT = new Capabilities(1, 1 << 20, 65_535, false, false, 0);

    /** What {@code max_msg_fds} can be (libvfio-user, {@code MAX_FDS_LIMIT}). */
    private static final int MAX_MSG_FDS = 1024;

    private static final JsonFactory JSON = new JsonFactory();

    /** @throws ErrnoException EINVAL: no JSON, or not of the types that it must have */
    static Capabilities parse(String json) throws ErrnoException {
        try (JsonParser parser = JSON.createParser(json)) {
            require(parser.nextToken() == JsonToken.START_OBJECT, "the version data are no object");
            Builder builder = new Builder();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (name.equals("capabilities")) {
                    require(value == JsonToken.START_OBJECT, "capabilities are no object");
                    builder.read(parser);
                } else {
                    parser.skipChildren();
                }
            }
            require(parser.nextToken() == null, "something follows the version data");
            return builder.build();
        } catch (IOException e) {
            throw Checks.invalid(Command.VERSION, "the version data are no JSON");
        }
    }

    /** The fields as they are read. */
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
            require(parser.currentToken() == JsonToken.START_OBJECT, "twin_socket is no object");
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
            require(parser.currentToken() == JsonToken.START_OBJECT, "migration is no object");
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals("pgsize")) {
                    long pgsize = number(parser, name, 1, Long.MAX_VALUE);
                    require(Long.bitCount(pgsize) == 1, "a pgsize of " + pgsize);
                } else if (name.equals("max_bitmap_size")) {
                    maxBitmapSize = number(parser, name, 0, Long.MAX_VALUE);
                } else {
                    parser.skipChildren();
                }
            }
        }

        private static long number(JsonParser parser, String name, long least, long most)
                throws IOException, ErrnoException {
            require(parser.currentToken() == JsonToken.VALUE_NUMBER_INT, name + " is no number");
            long value = parser.getLongValue();
            require(value >= least && value <= most, name + " is " + value);
            return value;
        }

        private static boolean bool(JsonParser parser, String name) throws ErrnoException {
            JsonToken token = parser.currentToken();
            require(token == JsonToken.VALUE_TRUE || token == JsonToken.VALUE_FALSE, name + " is no boolean");
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
     * As a server's answer: the twin socket is the first descriptor that comes with it. As short as can be, see
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
            throw new IllegalStateException(e); // a string takes everything
        }
        return text.toString();
    }
}
