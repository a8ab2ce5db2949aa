package vfio.user.wire;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.foreign.ValueLayout.OfInt;
import java.lang.foreign.ValueLayout.OfLong;
import java.lang.foreign.ValueLayout.OfShort;
import java.nio.ByteOrder;

/**
 * A message in a buffer: a view that is moved from one message to the next, so that reading or writing a message
 * allocates nothing. Offsets count from the end of the header, as in the specification. Used by one thread.
 *
 * <pre>
 * struct vfio_user_header { // 16 bytes, little endian uint16_t msg_id; uint16_t cmd; uint32_t msg_size; // including
 * the header uint32_t flags; uint32_t error_no; };
 * </pre>
 */
public final class Message {
    public static final int HEADER = 16;

    /** The maximum data size of a message: our capability {@code max_data_xfer_size}, which is the default. */
    public static final int MAX_DATA = 1 << 20;

    /** The largest message: a region access of {@link #MAX_DATA}. */
    public static final int MAX_SIZE = HEADER + 16 + MAX_DATA;

    public static final int MAX_PAYLOAD = MAX_SIZE - HEADER;

    static final int TYPE = 0xf;
    static final int COMMAND = 0;
    static final int REPLY = 1;
    static final int NO_REPLY = 1 << 4;
    static final int ERROR = 1 << 5;

    private static final OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment buffer;
    private long at;

    /** @param buffer must hold a complete message at every position to which the view is moved */
    public Message(MemorySegment buffer) {
        this.buffer = buffer;
    }

    /** Moves the view. */
    public void moveTo(long position) {
        at = position;
    }

    public int id() {
        return Short.toUnsignedInt(buffer.get(U16, at));
    }

    public int commandNumber() {
        return Short.toUnsignedInt(buffer.get(U16, at + 2));
    }

    /** The size including the header; unsigned. */
    public long size() {
        return Integer.toUnsignedLong(buffer.get(U32, at + 4));
    }

    public int flags() {
        return buffer.get(U32, at + 8);
    }

    public int errorNumber() {
        return buffer.get(U32, at + 12);
    }

    public boolean isCommand() {
        return (flags() & TYPE) == COMMAND;
    }

    public boolean isReply() {
        return (flags() & TYPE) == REPLY;
    }

    public boolean wantsReply() {
        return (flags() & NO_REPLY) == 0;
    }

    public boolean isError() {
        return (flags() & ERROR) != 0;
    }

    /** The number of bytes after the header. */
    public int payload() {
        return (int) size() - HEADER;
    }

    public int u16(long offset) {
        return Short.toUnsignedInt(buffer.get(U16, at + HEADER + offset));
    }

    public int u32(long offset) {
        return buffer.get(U32, at + HEADER + offset);
    }

    public long u64(long offset) {
        return buffer.get(U64, at + HEADER + offset);
    }

    public byte u8(long offset) {
        return buffer.get(JAVA_BYTE, at + HEADER + offset);
    }

    public Message u16(long offset, int value) {
        buffer.set(U16, at + HEADER + offset, (short) value);
        return this;
    }

    public Message u32(long offset, int value) {
        buffer.set(U32, at + HEADER + offset, value);
        return this;
    }

    public Message u64(long offset, long value) {
        buffer.set(U64, at + HEADER + offset, value);
        return this;
    }

    /** Copies payload of another message. */
    public void copy(Message from, int length) {
        MemorySegment.copy(from.buffer, from.at + HEADER, buffer, at + HEADER, length);
    }

    /** The buffer, to be used with {@link #position}, because a slice would be an allocation. */
    public MemorySegment buffer() {
        return buffer;
    }

    /** The position of a payload byte in the buffer. */
    public long position(long offset) {
        return at + HEADER + offset;
    }

    /** Part of the payload. */
    public MemorySegment slice(long offset, long length) {
        return buffer.asSlice(at + HEADER + offset, length);
    }

    /** Writes the header of a command. */
    public void command(int id, Command command, int payload) {
        header(id, command.number(), payload, COMMAND, 0);
    }

    /** Writes the header of the answer to a command. */
    public void reply(int id, int command, int payload) {
        header(id, command, payload, REPLY, 0);
    }

    /** Writes the answer to a failed command, which is only a header. */
    public void error(int id, int command, int errno) {
        header(id, command, 0, REPLY | ERROR, errno);
    }

    private void header(int id, int command, int payload, int flags, int errno) {
        buffer.set(U16, at, (short) id);
        buffer.set(U16, at + 2, (short) command);
        buffer.set(U32, at + 4, HEADER + payload);
        buffer.set(U32, at + 8, flags);
        buffer.set(U32, at + 12, errno);
    }
}
