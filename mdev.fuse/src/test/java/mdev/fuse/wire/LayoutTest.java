package mdev.fuse.wire;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes and offsets as computed by a C compiler from {@code linux/fuse.h}. */
final class LayoutTest {
    private static final int ATTR = 88;
    private static final int ENTRY_OUT = 128;
    private static final int ATTR_OUT = 104;
    private static final int INIT_OUT = 64;

    private final Reply reply = new Reply(Arena.ofAuto(), 1024);
    private final Attributes file = new Attributes(
            7, Attributes.Kind.FILE, 0644, 4096, new Attributes.Owner(3, 4, Instant.ofEpochSecond(5, 6)));

    @Test
    void entryHasTheNodeAndItsAttributes() {
        MemorySegment message = file.entry(reply, 9, true).answer(11);

        assertEquals(Reply.HEADER + ENTRY_OUT, message.byteSize());
        assertEquals(message.byteSize(), message.get(JAVA_INT_UNALIGNED, 0));
        assertEquals(0, message.get(JAVA_INT_UNALIGNED, 4));
        assertEquals(11, message.get(JAVA_LONG_UNALIGNED, 8));
        assertEquals(9, message.get(JAVA_LONG_UNALIGNED, Reply.HEADER));
        assertEquals(3600, message.get(JAVA_LONG_UNALIGNED, Reply.HEADER + 16), "entry_valid");
        assertEquals(3600, message.get(JAVA_LONG_UNALIGNED, Reply.HEADER + 24), "attr_valid");
        checkAttributes(message.asSlice(Reply.HEADER + ENTRY_OUT - ATTR));
    }

    @Test
    void uncachedEntryHasNoValidity() {
        MemorySegment message = file.entry(reply, 9, false).answer(11);

        assertEquals(0, message.get(JAVA_LONG_UNALIGNED, Reply.HEADER + 16), "entry_valid");
        assertEquals(3600, message.get(JAVA_LONG_UNALIGNED, Reply.HEADER + 24), "attr_valid");
    }

    @Test
    void attributesFollowTheirValidity() {
        MemorySegment message = file.answer(reply).answer(11);

        assertEquals(Reply.HEADER + ATTR_OUT, message.byteSize());
        checkAttributes(message.asSlice(Reply.HEADER + ATTR_OUT - ATTR));
    }

    private static void checkAttributes(MemorySegment attr) {
        assertEquals(7, attr.get(JAVA_LONG_UNALIGNED, 0));
        assertEquals(4096, attr.get(JAVA_LONG_UNALIGNED, 8));
        assertEquals(5, attr.get(JAVA_LONG_UNALIGNED, 32));
        assertEquals(6, attr.get(JAVA_INT_UNALIGNED, 52));
        assertEquals(0100644, attr.get(JAVA_INT_UNALIGNED, 60));
        assertEquals(1, attr.get(JAVA_INT_UNALIGNED, 64));
        assertEquals(3, attr.get(JAVA_INT_UNALIGNED, 68));
        assertEquals(4, attr.get(JAVA_INT_UNALIGNED, 72));
        assertEquals(4096, attr.get(JAVA_INT_UNALIGNED, 80));
    }

    @Test
    void initAcceptsOnlyOfferedFlags() {
        MemorySegment all = new Init(7, 45, -1).answer(reply, 4096).answer(1);

        assertEquals(Reply.HEADER + INIT_OUT, all.byteSize());
        assertEquals(1 << 3 | 1 << 5 | 1 << 18 | 1 << 23, all.get(JAVA_INT_UNALIGNED, Reply.HEADER + 12));
        assertEquals(4096, all.get(JAVA_INT_UNALIGNED, Reply.HEADER + 20));
        assertEquals(
                0, new Init(7, 45, 0).answer(reply.clear(), 4096).answer(1).get(JAVA_INT_UNALIGNED, Reply.HEADER + 12));
        assertTrue(new Init(7, 31, 0).isSupported());
        assertFalse(new Init(7, 30, 0).isSupported());
        assertFalse(new Init(8, 45, 0).isSupported());
    }

    @Test
    void errorAnswerIsAHeaderWithTheNegativeErrno() {
        MemorySegment message = reply.u64(1).refusal(22, 11);

        assertEquals(Reply.HEADER, message.byteSize());
        assertEquals(-22, message.get(JAVA_INT_UNALIGNED, 4));
    }

    @Test
    void directoryEntriesArePaddedAndFillTheBuffer() {
        Dirents out = new Dirents(reply, 72);

        assertTrue(out.add(7, 1, Attributes.Kind.DIRECTORY, "12345678"));
        assertTrue(out.add(8, 2, Attributes.Kind.LINK, "123456789"));
        assertFalse(out.add(9, 3, Attributes.Kind.FILE, "x"), "32 + 40 bytes are in it");
        MemorySegment second = reply.answer(1).asSlice(Reply.HEADER + 32);
        assertEquals(40, second.byteSize());
        assertEquals(8, second.get(JAVA_LONG_UNALIGNED, 0));
        assertEquals(2, second.get(JAVA_LONG_UNALIGNED, 8));
        assertEquals(9, second.get(JAVA_INT_UNALIGNED, 16));
        assertEquals(10, second.get(JAVA_INT_UNALIGNED, 20), "DT_LNK");
        assertArrayEquals(
                "123456789\0\0\0\0\0\0\0".getBytes(StandardCharsets.US_ASCII),
                second.asSlice(24).toArray(JAVA_BYTE));
    }

    @Test
    void requestIsReadInPlace() {
        MemorySegment buffer = Arena.ofAuto().allocate(64);
        buffer.set(JAVA_INT_UNALIGNED, 0, 46);
        buffer.set(JAVA_INT_UNALIGNED, 4, 1);
        buffer.set(JAVA_LONG_UNALIGNED, 8, 5);
        buffer.set(JAVA_LONG_UNALIGNED, 16, 6);
        buffer.setString(40, "hällo".substring(0, 4));

        Request request = Request.of(buffer, 46);
        assertEquals(Opcode.LOOKUP, request.opcode());
        assertEquals(5, request.unique());
        assertEquals(6, request.nodeid());
        assertEquals("häll", request.name());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 39, 45, 64})
    void rejectsARequestOfAnotherLength(long length) {
        MemorySegment buffer = Arena.ofAuto().allocate(64);
        buffer.set(JAVA_INT_UNALIGNED, 0, 46);

        assertThrows(IllegalArgumentException.class, () -> Request.of(buffer, length));
    }

    @ParameterizedTest
    @EnumSource(Attributes.Kind.class)
    void kindsOfFilesHaveTheTypesOfReaddir(Attributes.Kind kind) {
        assertEquals(
                switch (kind) {
                    case DIRECTORY -> 4;
                    case FILE -> 8;
                    case LINK -> 10;
                },
                kind.direntType());
    }
}
