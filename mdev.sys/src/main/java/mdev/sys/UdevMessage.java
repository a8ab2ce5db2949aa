package mdev.sys;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * A uevent as udevd multicasts it to libudev's monitors.
 *
 * <pre>
 * struct monitor_netlink_header {       // systemd, src/libsystemd/sd-device/device-monitor.c
 *     char     prefix[8];               // "libudev", 0
 *     unsigned magic;                   // big-endian
 *     unsigned header_size;
 *     unsigned properties_off, properties_len;
 *     unsigned filter_subsystem_hash;   // big-endian, as all that follow
 *     unsigned filter_devtype_hash;
 *     unsigned filter_tag_bloom_hi, filter_tag_bloom_lo;
 * };
 * </pre>
 *
 * The properties are {@code KEY=VALUE} strings that end with 0. Tags are given by rules of udevd: there are none.
 */
final class UdevMessage {
    /** {@code MONITOR_GROUP_UDEV}, as a mask. */
    static final int GROUP = 2;

    private static final byte[] PREFIX = "libudev\0".getBytes(UTF_8);
    private static final int MAGIC = 0xfeedcafe;
    private static final int HEADER = 40;
    private static final int SEED = 0;

    private UdevMessage() {}

    /**
     * @param event the kernel's keys
     * @param microseconds since the boot, as udevd states when it has processed the device
     */
    static byte[] of(SequencedMap<String, String> event, long microseconds) {
        StringBuilder text = new StringBuilder();
        event.forEach((key, value) -> property(text, key, value));
        property(text, "USEC_INITIALIZED", Long.toString(microseconds));
        byte[] properties = text.toString().getBytes(UTF_8);
        ByteBuffer message = ByteBuffer.allocate(HEADER + properties.length)
                .order(ByteOrder.nativeOrder())
                .put(PREFIX)
                .putInt(bigEndian(MAGIC))
                .putInt(HEADER)
                .putInt(HEADER)
                .putInt(properties.length)
                .putInt(bigEndian(hash(event.get("SUBSYSTEM"))))
                .putInt(bigEndian(hash(event.get("DEVTYPE"))));
        return message.position(HEADER).put(properties).array();
    }

    private static void property(StringBuilder text, String key, String value) {
        // The kernel names a device node below /dev, udevd with its path.
        text.append(key)
                .append('=')
                .append(key.equals("DEVNAME") && !value.startsWith("/") ? "/dev/" : "")
                .append(value)
                .append('\0');
    }

    private static int bigEndian(int value) {
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value);
    }

    /** {@code string_hash32()}: MurmurHash2 of the string; 0 without one. */
    static int hash(@Nullable String string) {
        if (string == null) {
            return 0;
        }
        byte[] bytes = string.getBytes(UTF_8);
        ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        int multiplier = 0x5bd1e995;
        int hash = SEED ^ bytes.length;
        while (data.remaining() >= Integer.BYTES) {
            int word = data.getInt() * multiplier;
            word = (word ^ (word >>> 24)) * multiplier;
            hash = (hash * multiplier) ^ word;
        }
        if (data.hasRemaining()) {
            for (int shift = 0; data.hasRemaining(); shift += Byte.SIZE) {
                hash ^= (data.get() & 0xff) << shift;
            }
            hash *= multiplier;
        }
        hash = (hash ^ (hash >>> 13)) * multiplier;
        return hash ^ (hash >>> 15);
    }
}
