package itests.fuse;

import itests.Patience;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;

/**
 * Holds a device open as a vfio-user client with an armed REQ interrupt, so that a removal of the device asks it to
 * close the device, and waits.
 */
final class Holder implements AutoCloseable {
    private static final int HEADER = 16;
    private static final int ERROR = 12;
    private static final short VERSION = 1;
    private static final short SET_IRQS = 8;

    /** {@code VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER}. */
    private static final int EVENTFD_TRIGGER = 1 << 2 | 1 << 5;

    private static final int REQ = 4;
    private static final int SET_LENGTH = 5 * Integer.BYTES;

    private final UnixSocket socket;
    private final EventFd request;

    Holder(Path path) throws LinuxException {
        socket = UnixSocket.connect(path, 1);
        request = EventFd.create();
        socket.setReceiveTimeout(Patience.TIME);
        exchange(VERSION, message().putInt(0).put((byte) '{').put((byte) '}').put((byte) 0), List.of());
        exchange(
                SET_IRQS,
                message()
                        .putInt(SET_LENGTH)
                        .putInt(EVENTFD_TRIGGER)
                        .putInt(REQ)
                        .putInt(0)
                        .putInt(1),
                List.of(request.fd()));
    }

    private static ByteBuffer message() {
        return ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN).position(HEADER);
    }

    private void exchange(short command, ByteBuffer message, List<Fd> fds) throws LinuxException {
        int length = message.position();
        message.putShort(0, (short) 1).putShort(2, command).putInt(4, length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(message.capacity());
            memory.copyFrom(MemorySegment.ofBuffer(message.clear()));
            socket.send(memory, 0, length, fds);
            long received = 0;
            while (received < HEADER || received < memory.get(ValueLayout.JAVA_INT, 4)) {
                long n = socket.receive(memory, received, memory.byteSize() - received, 0);
                if (n <= 0) {
                    throw new AssertionError("no answer to command " + command);
                }
                received += n;
            }
            if (memory.get(ValueLayout.JAVA_INT, ERROR) != 0) {
                throw new AssertionError("errno " + memory.get(ValueLayout.JAVA_INT, ERROR));
            }
        }
    }

    /** Waits until the platform requests the device back. */
    void awaitRequest() throws LinuxException {
        if (!request.await(Patience.TIME)) {
            throw new AssertionError("the platform does not request the device");
        }
    }

    @Override
    public void close() {
        socket.close();
        request.close();
    }
}
