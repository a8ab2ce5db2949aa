package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.linux.Fd;

/** A message received by a client: an answer, or a command of the server. */
record Message(int id, int command, int flags, int errno, ByteBuffer body, List<Fd> fds) {
    static final int HEADER = 16;
    static final int COMMAND = 0;
    static final int REPLY = 1;
    static final int NO_REPLY = 1 << 4;
    static final int ERROR = 1 << 5;

    int size() {
        return body.capacity();
    }

    int u16(int offset) {
        return Short.toUnsignedInt(body.getShort(offset));
    }

    int u32(int offset) {
        return body.getInt(offset);
    }

    long u64(int offset) {
        return body.getLong(offset);
    }

    byte[] bytes(int offset) {
        byte[] bytes = new byte[size() - offset];
        body.get(offset, bytes);
        return bytes;
    }

    /** The descriptors of the message. */
    Message closeFds() {
        fds.forEach(Fd::close);
        return this;
    }

    /** Asserts a successful answer to the command. */
    Message requireOk(int expectedId, int expectedCommand) {
        assertEquals("ok", outcome(), "command " + expectedCommand);
        assertAll(
                () -> assertEquals(REPLY, flags, "flags of the answer"),
                () -> assertEquals(expectedId, id, "id of the answer"),
                () -> assertEquals(expectedCommand, command, "command of the answer"));
        return this;
    }

    /** Asserts an error answer to the command, which is only a header. */
    void requireRefusal(int expectedId, int expectedCommand, Errno expected) {
        closeFds();
        assertEquals(expected.name(), outcome(), "command " + expectedCommand);
        assertAll(
                () -> assertEquals(REPLY | ERROR, flags, "flags of the error answer"),
                () -> assertEquals(expectedId, id, "id of the error answer"),
                () -> assertEquals(expectedCommand, command, "command of the error answer"),
                () -> assertEquals(0, size(), "payload of the error answer"),
                () -> assertEquals(List.of(), fds, "descriptors of the error answer"));
    }

    private String outcome() {
        if ((flags & ERROR) == 0) {
            return "ok";
        }
        Errno known = Errno.of(errno);
        return known.number() == errno ? known.name() : "errno " + errno;
    }

    /** The header of a message that a client sends. */
    static ByteBuffer header(int id, int command, long size, int flags, int errno) {
        return ByteBuffer.allocate(HEADER)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putShort((short) id)
                .putShort((short) command)
                .putInt((int) size)
                .putInt(flags)
                .putInt(errno);
    }
}
