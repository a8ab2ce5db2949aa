package vfio.mdev.migration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.MemFd;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class MigrationStreamTest {
    private static final int PAGE = 4096;
    private static final long LARGE = 64L << 30;
    private static final DeviceState STATE =
            DeviceState.version(3).with("count", 5).with("data", new byte[] {1, 2, 3});

    private final List<AutoCloseable> owned = new ArrayList<>();

    /** A device with 8 pages in region 2 and 64 GiB in region 4. */
    private List<Memory> memories() throws LinuxException {
        return List.of(memory(2, 8 * PAGE), memory(4, LARGE));
    }

    private Memory memory(int region, long size) throws LinuxException {
        Fd file = MemFd.create("stream-" + region, size);
        Mapping view = Mapping.of(file, 0, size, Mapping.Protection.READ_WRITE);
        owned.add(view);
        owned.add(file);
        return new Memory(region, file, view.segment());
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : owned) {
            each.close();
        }
    }

    private static byte[] all(Outgoing outgoing, int piece) throws ErrnoException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] buffer = new byte[piece];
        int read;
        do {
            read = outgoing.read(MemorySegment.ofArray(buffer));
            all.write(buffer, 0, read);
        } while (read == piece);
        assertEquals(0, outgoing.read(MemorySegment.ofArray(buffer)));
        return all.toByteArray();
    }

    private static void write(Incoming incoming, byte[] stream, int piece) throws ErrnoException {
        for (int at = 0; at < stream.length; at += piece) {
            incoming.write(MemorySegment.ofArray(Arrays.copyOfRange(stream, at, Math.min(stream.length, at + piece))));
        }
    }

    @Test
    void streamCarriesStateAndMemoryWithoutHoles() throws Exception {
        List<Memory> from = memories();
        Random random = new Random(1);
        for (int i = 0; i < 50; i++) {
            from.get(1).bytes().set(ValueLayout.JAVA_LONG_UNALIGNED, random.nextLong(LARGE - 8), random.nextLong());
        }
        byte[] block = new byte[1 << 20]; // more than a part
        random.nextBytes(block);
        MemorySegment.copy(block, 0, from.get(1).bytes(), ValueLayout.JAVA_BYTE, 5 * PAGE, block.length);
        from.getFirst().bytes().set(ValueLayout.JAVA_BYTE, 8 * PAGE - 1, (byte) 7);
        Outgoing outgoing = new Outgoing("test-2", STATE, from);
        long estimate = outgoing.left();
        byte[] stream = all(outgoing, 10_000);
        assertTrue(stream.length <= estimate && estimate < 3 << 20, stream.length + " bytes, estimated " + estimate);
        assertEquals(0, outgoing.left());

        List<Memory> to = memories();
        Incoming incoming = new Incoming("test-2", to);
        write(incoming, stream, 777);
        DeviceState state = incoming.finish();

        assertEquals(3, state.version());
        assertEquals(5, state.number("count"));
        assertArrayEquals(new byte[] {1, 2, 3}, state.bytes("data"));
        assertEquals(-1, from.get(0).bytes().mismatch(to.get(0).bytes()));
        assertArrayEquals(all(new Outgoing("test-2", STATE, from), 1 << 20), all(new Outgoing("test-2", state, to), 9));
    }

    private static byte[] joined(byte[]... frames) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] frame : frames) {
            all.writeBytes(frame);
        }
        return all.toByteArray();
    }

    private static byte[] frame(DeviceState state) throws ErrnoException {
        return new Format().frame(state);
    }

    private static DeviceState head(int version, String name, String type, Object regions) {
        return DeviceState.version(version)
                .with("stream", name)
                .with("type", type)
                .with("regions", regions);
    }

    private static final Object REGIONS = List.of(List.of(2L, 8L * PAGE), List.of(4L, LARGE));

    private static byte[] goodHead() throws ErrnoException {
        return frame(head(1, "mdev-migration", "test-2", REGIONS));
    }

    private static byte[] part(long region, long offset, int length) throws ErrnoException {
        return frame(DeviceState.version(1)
                .with("region", region)
                .with("offset", offset)
                .with("data", new byte[length]));
    }

    private static byte[] end(long parts) throws ErrnoException {
        return frame(DeviceState.version(1).with("parts", parts));
    }

    /** Frames after a good head and state. */
    private static byte[] body(byte[]... frames) throws ErrnoException {
        return joined(goodHead(), frame(STATE), joined(frames));
    }

    static Stream<Arguments> refused() throws ErrnoException {
        return Stream.of(
                arguments(new byte[4], "a frame of 0 bytes, at most 262272"),
                arguments(new byte[] {-1, -1, -1, -1}, "a frame of 4294967295 bytes, at most 262272"),
                arguments(joined(new byte[] {(byte) 0x81, 0, 4, 0}), "a frame of 262273 bytes, at most"),
                arguments("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII), "a frame of 542393671 bytes"),
                arguments(new byte[] {1, 0, 0, 0, 1}, "it is not a map"),
                arguments(frame(STATE), "it is not the state of a device"),
                arguments(frame(head(1, "other", "test-2", REGIONS)), "it is not the state of a device"),
                arguments(
                        frame(head(2, "mdev-migration", "test-2", REGIONS)), "it has version 2, this platform reads 1"),
                arguments(
                        frame(head(1, "mdev-migration", "x\n".repeat(99), REGIONS)),
                        "it is of a device of type " + "x?".repeat(50) + "..., this one is test-2"),
                arguments(
                        frame(head(1, "mdev-migration", "test-2", List.of(List.of(2L, 4L)))),
                        "its memories (region, size) are [[2, 4]], those of this device [[2, 32768], [4, 6871"),
                arguments(joined(goodHead(), new byte[] {0, 0, 0, 2}), "a frame of 33554432 bytes, at most 16777216"),
                arguments(joined(goodHead(), new byte[] {1, 0, 0, 0, 0}), "it is not a map"),
                arguments(body(new byte[] {0, 0, 0, 1}), "a frame of 16777216 bytes, at most 262272"),
                arguments(body(frame(DeviceState.version(1))), "no field region"),
                arguments(body(part(3, 0, 1)), "a part of region 3 which has no memory, or came earlier"),
                arguments(
                        body(part(4, 0, 1), part(2, 0, 1)), "a part of region 2 which has no memory, or came earlier"),
                arguments(body(part(2, 0, 0)), "a part of region 2 at 0 for 0 bytes, after 0 of 32768"),
                arguments(body(part(2, -1, 1)), "a part of region 2 at -1 for 1 bytes, after 0 of 32768"),
                arguments(body(part(2, 8 * PAGE, 1)), "a part of region 2 at 32768 for 1 bytes"),
                arguments(body(part(2, 8 * PAGE - 1, 2)), "a part of region 2 at 32767 for 2 bytes"),
                arguments(body(part(2, Long.MAX_VALUE, 2)), "a part of region 2 at 9223372036854775807 for 2 bytes"),
                arguments(body(part(2, 0, 8), part(2, 7, 8)), "a part of region 2 at 7 for 8 bytes, after 8 of 32768"),
                arguments(body(end(1)), "it has 0 parts of 1"),
                arguments(body(part(2, 0, 1), end(0)), "it has 1 parts of 0"),
                arguments(body(end(0), new byte[1]), "it continues after its end"));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void streamsThatCannotBeReadAreRefused(byte[] stream, String reason) throws Exception {
        for (int piece : new int[] {1, 5, 1 << 20}) {
            Incoming incoming = new Incoming("test-2", memories());
            ErrnoException e = assertThrows(ErrnoException.class, () -> write(incoming, stream, piece));
            assertEquals(Errno.EINVAL, e.errno());
            assertTrue(String.valueOf(e.getMessage()).contains(reason), e.getMessage());
            assertEquals(1, String.valueOf(e.getMessage()).lines().count(), e.getMessage());
            assertSame(e, assertThrows(ErrnoException.class, () -> write(incoming, new byte[1], 1)));
            assertSame(e, assertThrows(ErrnoException.class, incoming::finish));
        }
    }

    @Test
    void incompleteStreamsAreRefused() throws Exception {
        byte[] stream = body(part(2, 0, 5), end(1));
        for (int length = 0; length < stream.length; length++) {
            Incoming incoming = new Incoming("test-2", memories());
            write(incoming, Arrays.copyOf(stream, length), 1 << 20);
            ErrnoException e = assertThrows(ErrnoException.class, incoming::finish);
            assertEquals("the stream cannot be read: it has no end", e.getMessage());
            close();
            owned.clear();
        }
    }

    @Test
    void damagedStreamsAreReadOrRefused() throws Exception {
        byte[] stream = body(part(2, 0, 50), part(4, 9, 50), end(2));
        List<Memory> memories = memories();
        Random random = new Random(7);
        int refused = 0;
        for (int i = 0; i < 5_000; i++) {
            byte[] damaged = stream.clone();
            damaged[random.nextInt(stream.length)] = (byte) random.nextInt();
            Incoming incoming = new Incoming("test-2", memories);
            try {
                write(incoming, damaged, 1 + random.nextInt(200));
                incoming.finish();
            } catch (ErrnoException e) {
                assertEquals(Errno.EINVAL, e.errno());
                assertEquals(1, String.valueOf(e.getMessage()).lines().count(), e.getMessage());
                refused++;
            }
        }
        assertTrue(refused > 1_000, refused + " refused");
    }
}
