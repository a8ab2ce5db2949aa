package vfio.user.conformance;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/** The bytes after a header, field by field as the specification lists them: little endian, without padding. */
final class Payload {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Payload u16(int value) {
        return number(value, 2);
    }

    Payload u32(long value) {
        return number(value, 4);
    }

    Payload u64(long value) {
        return number(value, 8);
    }

    private Payload number(long value, int size) {
        for (int i = 0; i < size; i++) {
            bytes.write((int) (value >>> (8 * i)));
        }
        return this;
    }

    Payload bytes(byte... values) {
        bytes.writeBytes(values);
        return this;
    }

    Payload zeroes(int count) {
        return bytes(new byte[count]);
    }

    int size() {
        return bytes.size();
    }

    byte[] toBytes() {
        return bytes.toByteArray();
    }

    /** Only the first bytes of the payload. */
    Payload cut(int size) {
        return new Payload().bytes(Arrays.copyOf(toBytes(), size));
    }
}
