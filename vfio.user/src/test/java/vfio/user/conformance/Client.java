package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import vfio.mdev.TestPlatform;

/**
 * The client's half of the protocol, written from the specification alone: it shares no code with the server. One
 * thread may send and one may receive.
 */
final class Client implements AutoCloseable {
    /** No message was received. */
    static final class EndException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        EndException(String reason) {
            super(reason);
        }
    }

    private static final int MAX_FDS = 253;

    private final UnixSocket socket;
    /** Unusual ids, so that none matches another message's by chance. */
    private int lastId = 0x7000;

    private Client(UnixSocket socket) throws LinuxException {
        this.socket = socket;
        socket.setReceiveTimeout(TestPlatform.PATIENCE);
    }

    /** Connects without sending anything. */
    static Client connect(Path path) throws LinuxException {
        return new Client(UnixSocket.connect(path, MAX_FDS));
    }

    /** Takes ownership of a connected socket, for example a twin. */
    static Client on(Fd fd) throws LinuxException {
        return new Client(UnixSocket.adopt(fd, MAX_FDS));
    }

    /** Negotiates the version as libvfio-user's client does. */
    Client negotiate() throws LinuxException {
        return negotiate("{\"capabilities\":{\"max_msg_fds\":16,\"write_multiple\":true}}");
    }

    Client negotiate(String json) throws LinuxException {
        ok(Commands.VERSION, Requests.version(0, 1, json)).closeFds();
        return this;
    }

    /**
     * Proposes a version. @return whether the server agreed; while it serves another client it does not, and may end
     * the connection
     */
    boolean tries() {
        try {
            send(Commands.VERSION, Requests.version(0, 1, "{}"));
            return (receive().flags() & Message.ERROR) == 0;
        } catch (LinuxException | EndException e) {
            return false;
        }
    }

    /** Negotiates the version as QEMU does. */
    Client negotiateAsQemu() throws LinuxException {
        ok(Commands.VERSION, Requests.version(0, 0, Requests.QEMU));
        return this;
    }

    /** Sends a command. @return its id */
    int send(int command, Payload payload, Fd... fds) throws LinuxException {
        return send(command, 0, payload, fds);
    }

    /** Sends a command without reply. */
    void post(int command, Payload payload, Fd... fds) throws LinuxException {
        send(command, Message.NO_REPLY, payload, fds);
    }

    private int send(int command, int flags, Payload payload, Fd... fds) throws LinuxException {
        int id = ++lastId;
        sendBytes(message(id, command, flags, payload), fds);
        return id;
    }

    static byte[] message(int id, int command, int flags, Payload payload) {
        return new Payload()
                .bytes(Message.header(id, command, Message.HEADER + payload.size(), flags, 0)
                        .array())
                .bytes(payload.toBytes())
                .toBytes();
    }

    /** Answers a command of the server. */
    void answer(Message command, Payload payload) throws LinuxException {
        sendBytes(message(command.id(), command.command(), Message.REPLY, payload));
    }

    /** Rejects a command of the server. */
    void refuse(Message command, int errno) throws LinuxException {
        sendBytes(Message.header(command.id(), command.command(), Message.HEADER, Message.REPLY | Message.ERROR, errno)
                .array());
    }

    /** Sends raw bytes with one call. */
    void sendBytes(byte[] bytes, Fd... fds) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            socket.send(arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes), 0, bytes.length, List.of(fds));
        }
    }

    /** The next message, with the descriptors received with its first bytes. */
    Message receive() throws LinuxException {
        List<Fd> fds = new ArrayList<>();
        ByteBuffer header = receive(Message.HEADER, fds);
        long size = Integer.toUnsignedLong(header.getInt(4));
        assertTrue(size >= Message.HEADER && size <= 4 << 20, () -> "a message of " + size + " bytes");
        ByteBuffer body = receive((int) size - Message.HEADER, fds);
        return new Message(
                Short.toUnsignedInt(header.getShort(0)),
                Short.toUnsignedInt(header.getShort(2)),
                header.getInt(8),
                header.getInt(12),
                body,
                List.copyOf(fds));
    }

    private ByteBuffer receive(int length, List<Fd> fds) throws LinuxException {
        byte[] bytes = new byte[length];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(Math.max(1, length));
            long done = 0;
            while (done < length) {
                long n = socket.receive(buffer, done, length - done, 0);
                fds.addAll(socket.takeFds());
                if (n <= 0) {
                    fds.forEach(Fd::close);
                    throw new EndException(
                            n == UnixSocket.END ? "the server ended the connection" : "no message in time");
                }
                done += n;
            }
            MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, bytes, 0, length);
        }
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Sends a command and returns its answer. */
    Message call(int command, Payload payload, Fd... fds) throws LinuxException {
        send(command, payload, fds);
        return receive();
    }

    /** A command that must succeed. */
    Message ok(int command, Payload payload, Fd... fds) throws LinuxException {
        int id = send(command, payload, fds);
        return receive().requireOk(id, command);
    }

    /** A command that must be rejected; the connection must remain usable. */
    void refused(Errno errno, int command, Payload payload, Fd... fds) throws LinuxException {
        int id = send(command, payload, fds);
        receive().requireRefusal(id, command, errno);
        requireAlive();
    }

    /** Asserts that the server still answers, and that nothing else was received. */
    void requireAlive() throws LinuxException {
        Message info = ok(Commands.GET_INFO, Requests.info(16));
        assertEquals(16, info.size(), "answer to GET_INFO");
    }

    void requireAliveUnchecked() {
        try {
            requireAlive();
        } catch (LinuxException e) {
            throw new AssertionError(e);
        }
    }

    /** Asserts that the server ends the connection. */
    void requireEnd() throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            long n = socket.receive(arena.allocate(Message.HEADER), 0, Message.HEADER, 0);
            assertEquals(UnixSocket.END, n, "the connection ends");
        } catch (LinuxException e) {
            assertEquals(Errno.ECONNRESET.number(), e.errno(), "it ended with what it had not read");
        }
    }

    byte[] read(int region, long offset, int count) throws LinuxException {
        Message answer = ok(Commands.REGION_READ, Requests.read(region, offset, count));
        assertEquals(offset, answer.u64(0), "offset of the answer");
        assertEquals(region, answer.u32(8), "region of the answer");
        assertEquals(count, answer.u32(12), "count of the answer");
        byte[] data = answer.bytes(16);
        assertEquals(count, data.length, "data of the answer");
        return data;
    }

    void write(int region, long offset, byte... data) throws LinuxException {
        Message answer = ok(Commands.REGION_WRITE, Requests.write(region, offset, data));
        assertEquals(16, answer.size(), "answer to a write");
        assertEquals(offset, answer.u64(0), "offset of the answer");
        assertEquals(region, answer.u32(8), "region of the answer");
        assertEquals(data.length, answer.u32(12), "count of the answer");
    }

    /** For tests that send and receive themselves. */
    UnixSocket socket() {
        return socket;
    }

    boolean isOpen() {
        return socket.fd().number() >= 0;
    }

    @Override
    public void close() {
        socket.close();
    }
}
