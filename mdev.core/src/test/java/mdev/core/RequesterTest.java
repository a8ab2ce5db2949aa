package mdev.core;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.UUID;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The log names each created or removed device and the requester. */
@Timeout(300)
final class RequesterTest {
    private final UUID uuid = UUID.randomUUID();

    private static void write(Rig rig, String path, String value, String requester) throws ErrnoException {
        rig.file(path).write(value.getBytes(US_ASCII), () -> requester);
    }

    private List<String> logged() {
        return SurefireLog.lines(uuid.toString()).stream()
                .map(line -> line.replaceFirst("^.*(?=vendor\\.mtty: )", ""))
                .toList();
    }

    @Test
    void requesterOfADeviceIsLogged() throws Exception {
        try (Rig rig = Rig.patient()) {
            rig.load(new TestMtty());
            write(rig, Rig.TYPES + "mtty-2/create", uuid.toString(), "bash[1]");
            write(rig, Rig.DEVICES + uuid + "/remove", "1", "bash[2]");
        }

        assertEquals(
                List.of(
                        "vendor.mtty: created " + uuid + ", a mtty-2 of mtty, for bash[1]",
                        "vendor.mtty: removed " + uuid + ", for bash[2]"),
                logged());
    }

    @Test
    void removalWithTheParentIsLogged() throws Exception {
        try (Rig rig = Rig.patient()) {
            Registration parent = rig.load(new TestMtty());
            rig.create("mtty-1", uuid);
            parent.close();
        }

        assertEquals(
                List.of(
                        "vendor.mtty: created " + uuid + ", a mtty-1 of mtty, for a bundle",
                        "vendor.mtty: removed " + uuid + ", for its parent, which is unregistered"),
                logged());
    }
}
