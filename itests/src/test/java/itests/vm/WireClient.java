package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Patience;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;

/** A vfio-user client that migrates its device: what a hypervisor would do, message by message. */
final class WireClient implements AutoCloseable {
    static final int STOP = 1;
    static final int RUNNING = 2;
    static final int STOP_COPY = 3;
    static final int RESUMING = 4;
    static final int RUNNING_P2P = 5;

    private static final int HEADER = 16;
    private static final int VERSION = 1;
    private static final int DMA_MAP = 2;
    private static final int GET_INFO = 4;
    private static final int GET_REGION_INFO = 5;
    private static final int GET_IRQ_INFO = 7;
    private static final int SET_IRQS = 8;
    private static final int REGION_READ = 9;
    private static final int REGION_WRITE = 10;
    private static final int RESET = 13;
    private static final int FEATURE = 16;
    private static final int MIG_DATA_READ = 17;
    private static final int MIG_DATA_WRITE = 18;
    private static final int GET_FLAGS = 1 << 16 | 1;
    private static final int GET_STATE = 1 << 16 | 2;
    private static final int SET_STATE = 1 << 17 | 2;
    private static final int MOST = 1 << 20;

    private static final VarHandle U32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final UnixSocket socket;
    private int lastId;

    private WireClient(UnixSocket socket) {
        this.socket = socket;
    }

    /** Connects as the user of a device. */
    static WireClient connect(Path path) throws LinuxException {
        WireClient client = new WireClient(UnixSocket.connect(path, UnixSocket.MAX_FDS));
        client.socket.setReceiveTimeout(Patience.TIME);
        client.ok(VERSION, joined(words(0), "{}\0".getBytes(StandardCharsets.US_ASCII)));
        return client;
    }

    private static byte[] words(int... words) {
        byte[] bytes = new byte[words.length * Integer.BYTES];
        for (int i = 0; i < words.length; i++) {
            U32.set(bytes, i * Integer.BYTES, words[i]);
        }
        return bytes;
    }

    private static int word(byte[] bytes, int at) {
        return (int) U32.get(bytes, at);
    }

    private static List<Integer> words(byte[] bytes) {
        return IntStream.range(0, bytes.length / Integer.BYTES)
                .mapToObj(i -> word(bytes, i * Integer.BYTES))
                .toList();
    }

    private static byte[] joined(byte[] first, byte[] second) {
        byte[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    int read(int region, int offset) throws LinuxException {
        return read(region, offset, 1)[0] & 0xff;
    }

    void write(int region, int offset, int value) throws LinuxException {
        write(region, offset, new byte[] {(byte) value});
    }

    int readWord(int region, int offset) throws LinuxException {
        return word(read(region, offset, Integer.BYTES), 0);
    }

    void writeWord(int region, int offset, int value) throws LinuxException {
        write(region, offset, words(value));
    }

    /** @param length at most 1 MiB, as for {@link #write(int, int, byte[])} */
    byte[] read(int region, int offset, int length) throws LinuxException {
        byte[] answer = ok(REGION_READ, words(offset, 0, region, length));
        return Arrays.copyOfRange(answer, 16, answer.length);
    }

    void write(int region, int offset, byte[] data) throws LinuxException {
        assertEquals(0, tryWrite(region, offset, data), "write to region " + region);
    }

    /** @return 0, or the errno */
    int tryWrite(int region, int offset, byte[] data) throws LinuxException {
        return errno(exchange(REGION_WRITE, joined(words(offset, 0, region, data.length), data)));
    }

    /** {@code struct vfio_device_info} as words: its size, the flags, and how many regions and interrupts there are. */
    List<Integer> info() throws LinuxException {
        return words(ok(GET_INFO, words(16, 0, 0, 0)));
    }

    /** {@code struct vfio_region_info} with its capabilities, as words. */
    List<Integer> regionInfo(int index) throws LinuxException {
        return words(ok(GET_REGION_INFO, words(MOST, 0, index, 0, 0, 0, 0, 0)));
    }

    /** {@code struct vfio_irq_info} as words: its size, the flags, the index, and how many there are. */
    List<Integer> irqInfo(int index) throws LinuxException {
        return words(ok(GET_IRQ_INFO, words(16, 0, index, 0)));
    }

    /** An eventfd for a device's INTx line. */
    void listen(Fd event) throws LinuxException {
        listen(event, 0, 0);
    }

    /** @param index of the interrupts, as in {@code VFIO_PCI_INTX_IRQ_INDEX} */
    void listen(Fd event, int index, int vector) throws LinuxException {
        ok(SET_IRQS, words(20, 0x24, index, vector, 1), event);
    }

    /** Memory of the client that the device may read and write, at an address. */
    void map(Fd memory, long address, long size) throws LinuxException {
        ok(DMA_MAP, words(32, 3, 0, 0, (int) address, (int) (address >>> 32), (int) size, (int) (size >>> 32)), memory);
    }

    int flags() throws LinuxException {
        return word(ok(FEATURE, words(16, GET_FLAGS)), 8);
    }

    void reset() throws LinuxException {
        ok(RESET, new byte[0]);
    }

    int state() throws LinuxException {
        return word(ok(FEATURE, words(16, GET_STATE)), 8);
    }

    /** @return 0, or the errno */
    int trySet(int state) throws LinuxException {
        return errno(exchange(FEATURE, words(16, SET_STATE, state, -1)));
    }

    void set(int state) throws LinuxException {
        assertEquals(0, trySet(state), "state " + state);
        assertEquals(state, state());
    }

    /** The device's stream, from {@link #STOP_COPY}. */
    byte[] readStream() throws LinuxException {
        ByteArrayOutputStream stream = new ByteArrayOutputStream();
        while (true) {
            byte[] answer = ok(MIG_DATA_READ, words(8 + MOST, MOST));
            int size = word(answer, 4);
            stream.write(answer, 8, size);
            if (size < MOST) {
                return stream.toByteArray();
            }
        }
    }

    /** @return 0, or the errno of the first piece that was refused */
    int tryWriteStream(byte[] stream) throws LinuxException {
        for (int at = 0; at < stream.length; at += MOST) {
            byte[] piece = Arrays.copyOfRange(stream, at, Math.min(stream.length, at + MOST));
            int errno = errno(exchange(MIG_DATA_WRITE, joined(words(8 + piece.length, piece.length), piece)));
            if (errno != 0) {
                return errno;
            }
        }
        return 0;
    }

    /** The payload of a successful answer. */
    private byte[] ok(int command, byte[] payload, Fd... fds) throws LinuxException {
        byte[] answer = exchange(command, payload, fds);
        assertEquals(0, errno(answer), "command " + command);
        return Arrays.copyOfRange(answer, HEADER, answer.length);
    }

    private static int errno(byte[] answer) {
        return word(answer, 12);
    }

    private byte[] exchange(int command, byte[] payload, Fd... fds) throws LinuxException {
        byte[] message = joined(words(++lastId | command << 16, HEADER + payload.length, 0, 0), payload);
        try (Arena arena = Arena.ofConfined()) {
            socket.send(arena.allocateFrom(ValueLayout.JAVA_BYTE, message), 0, message.length, List.of(fds));
        }
        byte[] header = receive(HEADER);
        return joined(header, receive(word(header, 4) - HEADER));
    }

    private byte[] receive(int length) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(Math.max(1, length));
            for (long done = 0; done < length; ) {
                long n = socket.receive(buffer, done, length - done, 0);
                assertTrue(n > 0, "an answer");
                done += n;
            }
            return buffer.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** Ends the use of the device. */
    void leave() {
        socket.close();
    }

    @Override
    public void close() {
        socket.close();
    }
}
