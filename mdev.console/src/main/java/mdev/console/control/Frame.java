package mdev.console.control;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A message on the control socket: a type byte, an int32 length in network byte order, and a payload of that length.
 */
public final class Frame {
    /** The longest payload. */
    public static final int MAX_PAYLOAD = 1 << 20;

    /** The length of the header. */
    static final int HEADER = 5;

    private static final byte[] EMPTY = {};

    private final FrameType type;
    private final byte[] payload;

    /** @param payload as defined by the type; must not be modified afterwards */
    public Frame(FrameType type, byte[] payload) {
        this.type = type;
        this.payload = payload;
    }

    public static Frame of(FrameType type) {
        return new Frame(type, EMPTY);
    }

    public static Frame of(FrameType type, String text) {
        return new Frame(type, text.getBytes(StandardCharsets.UTF_8));
    }

    public static Frame resize(int columns, int rows) {
        return new Frame(
                FrameType.RESIZE,
                ByteBuffer.allocate(8).putInt(columns).putInt(rows).array());
    }

    static Frame status(int status, boolean exit) {
        byte exits = (byte) (exit ? 1 : 0);
        return new Frame(
                FrameType.STATUS,
                ByteBuffer.allocate(5).putInt(status).put(exits).array());
    }

    static Frame raw(boolean on) {
        return new Frame(FrameType.RAW, new byte[] {(byte) (on ? 1 : 0)});
    }

    public FrameType type() {
        return type;
    }

    /** Must not be modified. */
    public byte[] payload() {
        return payload;
    }

    public String text() {
        return new String(payload, StandardCharsets.UTF_8);
    }

    /** The payload, for the numbers in it. */
    public ByteBuffer numbers() {
        return ByteBuffer.wrap(payload);
    }
}
