package mdev.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class StateDocumentTest {
    /** Tag and head of a document of version 2, up to its fields. */
    private static final String HEAD = "d9d9f7 a3 6a 6d6465762d7374617465 01 67 76657273696f6e 02 66 6669656c6473";

    private final StateDocument document = new StateDocument();

    @Test
    void documentHasTheseBytes() throws Exception {
        DeviceState state = DeviceState.version(2)
                .with("n", 500)
                .with("least", Long.MIN_VALUE)
                .with("on", true)
                .with("off", false)
                .with("text", "a\u20ac")
                .with("data", new byte[] {1, 2})
                .with("list", List.of(0L, -1L))
                .with("bar0", Map.of("count", 24L));

        assertEquals(
                plain(HEAD
                        + "a8 61 6e 1901f4"
                        + "65 6c65617374 3b7fffffffffffffff"
                        + "62 6f6e f5 63 6f6666 f4"
                        + "64 74657874 64 61e282ac"
                        + "64 64617461 42 0102"
                        + "64 6c697374 82 00 20"
                        + "64 62617230 a1 65 636f756e74 1818"),
                HexFormat.of().formatHex(written(state)));
    }

    @Test
    void readReturnsWhatWasWritten() throws Exception {
        for (long seed = 0; seed < 400; seed++) {
            DeviceState state = new RandomState(seed).next();
            DeviceState read = document.read(new ByteArrayInputStream(written(state)));
            assertEquals(state.version(), read.version());
            assertEquals(comparable(state.fields()), comparable(read.fields()), "seed " + seed);
            assertEquals(
                    List.copyOf(state.fields().keySet()),
                    List.copyOf(read.fields().keySet()));
        }
    }

    @Test
    void readReturnsWhatEncodersWithoutLengthsWrite() throws Exception {
        // Maps, arrays, texts and bytes of indefinite length, and integers that are longer than necessary.
        DeviceState read = read("bf 6a 6d6465762d7374617465 1b0000000000000001 67 76657273696f6e 1802 66 6669656c6473"
                + "bf 64 64617461 5f 41 01 41 02 ff 64 74657874 7f 61 61 61 62 ff 64 6c697374 9f 01 02 ff ff ff");

        assertEquals(2, read.version());
        assertEquals(Map.of("data", "0102", "text", "ab", "list", List.of(1L, 2L)), comparable(read.fields()));
    }

    @Test
    void readReturnsTheStateOfAnOlderSchema() throws Exception {
        DeviceState old = read("d9d9f7 a3 6a 6d6465762d7374617465 01 67 76657273696f6e 01 66 6669656c6473"
                + "a2 65 636f756e74 05 66 6c6567616379 f5");

        assertEquals(1, old.version());
        assertEquals(5, old.number("count"));
        assertTrue(old.flag("legacy"));
    }

    static Stream<Arguments> refused() {
        String fields = HEAD;
        return Stream.of(
                arguments("", "it is not a map"),
                arguments("01", "it is not a map"),
                arguments("a1 61 61 01", "it has no mdev-state where that belongs"),
                arguments("a3 6a 6d6465762d7374617465 02", "it has format 2, this version reads 1"),
                arguments("a3 6a 6d6465762d7374617465 61 61", "it has format -1, this version reads 1"),
                arguments("a3 6a 6d6465762d7374617465 01 61 61 01", "it has no version where that belongs"),
                arguments("a3 6a 6d6465762d7374617465 01 67 76657273696f6e 00", "its version is 0"),
                arguments(
                        "a3 6a 6d6465762d7374617465 01 67 76657273696f6e 1b0000000100000000",
                        "its version is 4294967296"),
                arguments(fields + "01", "its fields are not a map"),
                arguments(fields + "a1 60 01", "a name is empty"),
                arguments(fields + "a2 61 61 01 61 61 02", "it has two fields a"),
                arguments(fields + "a1 61 61 f6", "a is VALUE_NULL, which a state cannot have"),
                arguments(fields + "a1 61 61 fb3ff0000000000000", "a is VALUE_NUMBER_FLOAT, which a state cannot have"),
                arguments(fields + "a1 61 61 1bffffffffffffffff", "a has more than 64 bits"),
                arguments(fields + "a1 61 61 c2 49 010000000000000000", "a has more than 64 bits"),
                arguments(fields + "a0 00", "more bytes follow it"),
                arguments(fields.replace("a3", "a4") + "a0 61 61 01", "it has more than its fields"));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void readRefusesOtherDocuments(String hex, String reason) {
        ErrnoException e = assertThrows(ErrnoException.class, () -> read(hex));
        assertEquals(Errno.EINVAL, e.errno());
        assertEquals("not the state of a device: " + reason, e.getMessage());
    }

    /** An encoder may declare any length; memory is allocated only for received bytes. */
    @ParameterizedTest
    @ValueSource(
            strings = {"5a7fffffff", "5b7fffffffffffffff", "7a7fffffff", "9a7fffffff", "ba7fffffff", "5f5a7fffffff"})
    void readRefusesLengthsBeyondTheDocument(String value) {
        ErrnoException e = assertThrows(ErrnoException.class, () -> read(HEAD + "a1 61 61" + value + "00"));
        assertEquals(Errno.EINVAL, e.errno());
        assertOneLine(e);
    }

    @Test
    void readRefusesTooDeepNesting() throws Exception {
        assertEquals(
                Errno.EINVAL,
                assertThrows(ErrnoException.class, () -> read(nested(DeviceState.MAX_DEPTH + 1)))
                        .errno());
        assertEquals(
                Errno.EINVAL,
                assertThrows(ErrnoException.class, () -> read(nested(100_000))).errno());
        read(nested(DeviceState.MAX_DEPTH));
    }

    /** @param depth of the innermost value */
    private static String nested(int depth) {
        return HEAD + "a1 61 61" + "81".repeat(depth - 1) + "00";
    }

    @Test
    void readRefusesTooLongNames() throws Exception {
        String name = "78ff" + "61".repeat(StateDocument.MAX_NAME);
        assertEquals(1, read(HEAD + "a1" + name + "01").number("a".repeat(StateDocument.MAX_NAME)));
        ErrnoException e = assertThrows(
                ErrnoException.class, () -> read(HEAD + "a1 790100" + "61".repeat(StateDocument.MAX_NAME + 1) + "01"));
        assertEquals("not the state of a device: a name has 256 characters, at most 255", e.getMessage());
        assertOneLine(assertThrows(ErrnoException.class, () -> read(HEAD + "a1 79ffff" + "61".repeat(0xffff) + "01")));
    }

    @Test
    void readRefusesTooManyValues() {
        ErrnoException e = assertThrows(
                ErrnoException.class, () -> read(HEAD + "a1 61 61 9f" + "00".repeat(StateDocument.MAX_VALUES) + "ff"));
        assertEquals("not the state of a device: it has more than 262144 values", e.getMessage());
    }

    @Test
    void readRefusesTooManyBytes() {
        byte[] head = HexFormat.of().parseHex(plain(HEAD + "a1 61 61 5a02000000"));
        ErrnoException e = assertThrows(
                ErrnoException.class,
                () -> document.read(new SequenceInputStream(new ByteArrayInputStream(head), new Zeroes())));
        assertEquals("not the state of a device: it has more than 16777216 bytes", e.getMessage());
    }

    @Test
    void readRefusesEveryTruncation() throws Exception {
        byte[] whole = written(new RandomState(8).next());
        for (int length = 0; length < whole.length; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            ErrnoException e = assertThrows(ErrnoException.class, () -> document.read(new ByteArrayInputStream(part)));
            assertEquals(Errno.EINVAL, e.errno());
            assertOneLine(e);
        }
    }

    @Test
    void readAcceptsOrRefusesEveryDamage() throws Exception {
        Random random = new Random(5);
        int refused = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] damaged = written(new RandomState(i % 50).next());
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            try {
                document.read(new ByteArrayInputStream(damaged));
            } catch (ErrnoException e) {
                assertEquals(Errno.EINVAL, e.errno());
                assertOneLine(e);
                refused++;
            }
        }
        assertTrue(refused > 1_000, refused + " refused");
    }

    @Test
    void readPassesFailuresOfItsSource() {
        IOException failure = new IOException("disk");
        assertEquals(failure, assertThrows(IOException.class, () -> document.read(new Failing(failure))));
    }

    /** Without end. */
    private static final class Zeroes extends InputStream {
        @Override
        public int read() {
            return 0;
        }

        @Override
        public int read(byte[] data, int offset, int length) {
            Arrays.fill(data, offset, offset + length, (byte) 0);
            return length;
        }
    }

    private static final class Failing extends InputStream {
        private final IOException failure;

        Failing(IOException failure) {
            this.failure = failure;
        }

        @Override
        public int read() throws IOException {
            throw failure;
        }

        @Override
        public int read(byte[] data, int offset, int length) throws IOException {
            throw failure;
        }
    }

    @Test
    void writeRefusesWhatReadWouldRefuse() {
        assertTooBig(DeviceState.version(1).with("a".repeat(256), 1), "a name has 256 characters, at most 255");
        assertTooBig(DeviceState.version(1).with("a", "b".repeat(65_537)), "a has 65537 characters, at most 65536");
        assertTooBig(
                DeviceState.version(1).with("a", Collections.nCopies(StateDocument.MAX_VALUES, 0L)),
                "it has more than 262144 values");
        assertTooBig(
                DeviceState.version(1).with("a", new byte[StateDocument.MAX_BYTES]),
                "its document has more than 16777216 bytes");
    }

    private void assertTooBig(DeviceState state, String reason) {
        ErrnoException e =
                assertThrows(ErrnoException.class, () -> document.write(state, OutputStream.nullOutputStream()));
        assertEquals(Errno.EFBIG, e.errno());
        assertEquals("the device's state cannot be written: " + reason, e.getMessage());
    }

    private static void assertOneLine(ErrnoException e) {
        assertEquals(1, String.valueOf(e.getMessage()).lines().count(), e.getMessage());
    }

    private byte[] written(DeviceState state) throws IOException, ErrnoException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        document.write(state, out);
        return out.toByteArray();
    }

    private DeviceState read(String hex) throws IOException, ErrnoException {
        return document.read(new ByteArrayInputStream(HexFormat.of().parseHex(plain(hex))));
    }

    private static String plain(String hex) {
        return hex.replace(" ", "");
    }

    /** The fields with bytes as text, because arrays are equal only to themselves. */
    private static Object comparable(Object value) {
        return switch (value) {
            case byte[] bytes -> HexFormat.of().formatHex(bytes);
            case List<?> list ->
                list.stream().map(StateDocumentTest::comparable).toList();
            case Map<?, ?> map -> {
                Map<Object, Object> all = new HashMap<>();
                map.forEach((name, each) -> all.put(name, comparable(each)));
                yield all;
            }
            default -> value;
        };
    }
}
