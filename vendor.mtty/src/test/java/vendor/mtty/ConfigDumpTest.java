package vendor.mtty;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Objects;
import java.util.UUID;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioPci;
import org.junit.jupiter.api.Test;

/** A fresh device's configuration space, as {@code lspci -xxx} prints it. */
class ConfigDumpTest {
    private static String dump(MttyType type, int length) throws ErrnoException {
        byte[] config = new byte[length];
        new MttyDevice(new UUID(0, 1), type).read(VfioPci.CONFIG_REGION, 0, MemorySegment.ofArray(config), 0, length);
        var text = new StringBuilder();
        for (int at = 0; at < length; at += 16) {
            text.append("%02x: ".formatted(at))
                    .append(HexFormat.ofDelimiter(" ").formatHex(config, at, Math.min(at + 16, length)))
                    .append('\n');
        }
        return text.toString();
    }

    @Test
    void dualCardMatchesTheRecording() throws IOException, ErrnoException {
        try (InputStream golden = Objects.requireNonNull(
                ConfigDumpTest.class.getResourceAsStream("/golden/vfio/config-space-mtty-2.hex"))) {
            // The sample is one byte shorter than a configuration space.
            assertEquals(
                    new String(golden.readAllBytes(), StandardCharsets.US_ASCII).strip(),
                    dump(MttyType.DUAL, 255).strip());
        }
    }

    @Test
    void singleCardHasOneBar() throws ErrnoException {
        assertEquals(
                dump(MttyType.DUAL, 256).replace("10: 01 00 00 00 01", "10: 01 00 00 00 00"),
                dump(MttyType.SINGLE, 256));
    }
}
