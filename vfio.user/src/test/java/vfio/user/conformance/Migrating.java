package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Requests.GET;
import static vfio.user.conformance.Requests.SET;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.function.IntSupplier;
import mdev.api.errno.Errno;
import mdev.linux.LinuxException;

/** A client's half of a migration, with the numbers of {@code include/uapi/linux/vfio.h}. */
record Migrating(Client client) {
    static final int ERROR = 0;
    static final int STOP = 1;
    static final int RUNNING = 2;
    static final int STOP_COPY = 3;
    static final int RESUMING = 4;
    static final int RUNNING_P2P = 5;
    static final int PRE_COPY = 6;
    static final int PRE_COPY_P2P = 7;

    static final int MIGRATION = 1;
    static final int MIG_DEVICE_STATE = 2;
    static final int MIG_DATA_SIZE = 9;

    static Payload setState(int state) {
        return Requests.feature(16, SET | MIG_DEVICE_STATE).u32(state).u32(-1);
    }

    static Payload dataRead(long argsz, long size) {
        return new Payload().u32(argsz).u32(size);
    }

    static Payload dataWrite(byte... data) {
        return new Payload().u32(8 + data.length).u32(data.length).bytes(data);
    }

    int state() throws LinuxException {
        Message answer = client.ok(Commands.FEATURE, Requests.feature(16, GET | MIG_DEVICE_STATE));
        assertEquals(16, answer.size());
        assertEquals(16, answer.u32(0), "argsz");
        assertEquals(GET | MIG_DEVICE_STATE, answer.u32(4), "flags");
        assertEquals(-1, answer.u32(12), "data_fd");
        return answer.u32(8);
    }

    void set(int state) throws LinuxException {
        Payload set = setState(state);
        assertArrayEquals(set.toBytes(), client.ok(Commands.FEATURE, set).bytes(0), "the answer echoes");
        assertEquals(state, state());
    }

    /** A change that fails, after which the device is in a state. */
    void refused(Errno errno, int state, int after) throws LinuxException {
        client.refused(errno, Commands.FEATURE, setState(state));
        assertEquals(after, state(), "state after the refusal of " + state);
    }

    long dataSize() throws LinuxException {
        Message answer = client.ok(Commands.FEATURE, Requests.feature(16, GET | MIG_DATA_SIZE));
        assertEquals(16, answer.size());
        return answer.u64(8);
    }

    byte[] read(int size) throws LinuxException {
        Message answer = client.ok(Commands.MIG_DATA_READ, dataRead(8L + size, size));
        int read = answer.u32(4);
        assertEquals(8 + read, answer.u32(0), "argsz");
        assertEquals(8 + read, answer.size());
        assertTrue(read <= size, read + " bytes");
        return answer.bytes(8);
    }

    /** The rest of the stream, in pieces of these sizes; a piece that is shorter is the last one. */
    byte[] readAll(IntSupplier sizes) throws LinuxException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (true) {
            int size = sizes.getAsInt();
            byte[] piece = read(size);
            all.writeBytes(piece);
            if (piece.length < size) {
                assertEquals(0, read(size).length, "nothing follows the end");
                return all.toByteArray();
            }
        }
    }

    void write(byte... data) throws LinuxException {
        assertEquals(0, client.ok(Commands.MIG_DATA_WRITE, dataWrite(data)).size());
    }

    void writeAll(byte[] stream, IntSupplier sizes) throws LinuxException {
        for (int at = 0; at < stream.length; ) {
            int end = Math.min(stream.length, at + sizes.getAsInt());
            write(Arrays.copyOfRange(stream, at, end));
            at = end;
        }
    }

    /** The stream of a device that runs, and then runs again. */
    byte[] save() throws LinuxException {
        set(STOP_COPY);
        byte[] stream = readAll(() -> 1 << 16);
        set(RUNNING);
        return stream;
    }
}
