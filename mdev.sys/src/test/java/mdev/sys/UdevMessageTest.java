package mdev.sys;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;

class UdevMessageTest {
    private static final String LINE = """
            {"ACTION":"add","DEVPATH":"/devices/virtual/vfio/0","SUBSYSTEM":"vfio","DEVNAME":"vfio/0","SEQNUM":"18"}
            """;

    private static SequencedMap<String, String> event() {
        SequencedMap<String, String> event = new LinkedHashMap<>();
        event.put("ACTION", "add");
        event.put("DEVPATH", "/devices/virtual/vfio/0");
        event.put("SUBSYSTEM", "vfio");
        event.put("DEVNAME", "vfio/0");
        event.put("SEQNUM", "18");
        return event;
    }

    @Test
    void messageHasUdevdsHeaderAndProperties() {
        byte[] message = UdevMessage.of(event(), 5);
        assertEquals(
                "ACTION=add\0DEVPATH=/devices/virtual/vfio/0\0SUBSYSTEM=vfio\0DEVNAME=/dev/vfio/0\0SEQNUM=18\0"
                        + "USEC_INITIALIZED=5\0",
                new String(message, 40, message.length - 40, UTF_8));
        ByteBuffer header = ByteBuffer.wrap(message).order(ByteOrder.nativeOrder());
        assertArrayEquals("libudev\0".getBytes(UTF_8), Arrays.copyOf(message, 8));
        assertEquals(0xfeedcafe, header.order(ByteOrder.BIG_ENDIAN).getInt(8));
        assertEquals(0x9cba94c3, header.getInt(24), "the hash of the subsystem");
        assertEquals(0, header.getInt(28), "no device type");
        header.order(ByteOrder.nativeOrder());
        assertEquals(
                List.of(40, 40, message.length - 40), List.of(header.getInt(12), header.getInt(16), header.getInt(20)));
    }

    /** Against values of another implementation of MurmurHash2, on a little-endian machine. */
    @Test
    void hashesAsUdevd() {
        assertEquals(0xbb5211c7, UdevMessage.hash("mdev"));
        assertEquals(0x27f8f50c, UdevMessage.hash("usb_device"), "with a rest of two bytes");
        assertEquals(0, UdevMessage.hash(null));
    }

    @Test
    void linesThatArriveInPiecesAreEvents() throws Exception {
        byte[] lines = (LINE + LINE).getBytes(UTF_8);
        for (int piece = 1; piece <= lines.length; piece++) {
            var uevents = new UeventRelay(new ByteArrayInputStream(new byte[0]));
            List<SequencedMap<String, String>> events = new ArrayList<>();
            for (int at = 0; at < lines.length; at += piece) {
                byte[] bytes = Arrays.copyOfRange(lines, at, Math.min(at + piece, lines.length));
                events.addAll(uevents.parse(bytes, bytes.length));
            }
            assertEquals(List.of(event(), event()), events, "in pieces of " + piece);
            assertEquals(
                    List.copyOf(event().keySet()), List.copyOf(events.getFirst().keySet()));
        }
    }
}
