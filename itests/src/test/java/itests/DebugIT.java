package itests;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.vm.Platform;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code ./mdev --debug PORT}: the platform's debug agent. */
final class DebugIT {
    private static final byte[] HANDSHAKE = "JDWP-Handshake".getBytes(US_ASCII);

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** The local addresses with a listener on the port, as in /proc/net. */
    private static List<String> listeners(int port) throws IOException {
        String suffix = ":%04X".formatted(port);
        try (Stream<String> four = Files.lines(Path.of("/proc/net/tcp"));
                Stream<String> six = Files.lines(Path.of("/proc/net/tcp6"))) {
            return Stream.concat(four, six)
                    .map(line -> line.strip().split(" +"))
                    .filter(fields -> fields[1].endsWith(suffix) && fields[3].equals("0A"))
                    .map(fields -> fields[1].substring(0, fields[1].length() - suffix.length()))
                    .toList();
        }
    }

    private static void shakeHands(int port) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout((int) Patience.TIME.toMillis());
            socket.getOutputStream().write(HANDSHAKE);
            assertEquals(
                    new String(HANDSHAKE, US_ASCII),
                    new String(socket.getInputStream().readNBytes(HANDSHAKE.length), US_ASCII));
        }
    }

    /** A connecting command starts no agent, because it could not listen on the same port. */
    @Test
    void aDebuggerAttachesOnTheLoopbackInterfaceOnly() throws Exception {
        int port = freePort();
        try (Platform platform = Platform.start("--debug", Integer.toString(port))) {
            assertEquals(List.of("0100007F"), listeners(port));
            shakeHands(port);
            assertTrue(platform.run("mdev:lsmod").ok().contains("vfio_mdev"));
            shakeHands(port);
            assertEquals("mdev: a debugger can attach to 127.0.0.1:" + port + "\n", platform.errors());

            Mdev.Ended refused = Mdev.here().run("--run", platform.run().toString(), "--debug", "-c", "mdev:lsmod");
            assertEquals(2, refused.status());
            assertEquals(
                    "mdev: a platform runs on " + platform.run().toRealPath()
                            + " already: --drop, --load, --mount, --set"
                            + " and --debug apply only when a platform starts\n",
                    refused.err());
            assertEquals(List.of(), platform.stop());
        }
    }

    @Test
    void aPortInUseIsOneLine() throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = socket.getLocalPort();
            Mdev.Ended ended = Mdev.here().run("--debug=" + port, "--private", "-c", "mdev:lsmod");
            assertEquals(
                    "mdev: port " + port + " of 127.0.0.1 is in use: choose another with --debug PORT\n", ended.err());
            assertEquals("", ended.out());
            assertEquals(1, ended.status());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--debug=", "--debug=0", "--debug=65536", "--debug=x", "--debug=80 "})
    void aWrongPortIsOneLine(String option) throws Exception {
        Mdev.Ended ended = Mdev.here().run(option, "serve");
        assertEquals("mdev: --debug '" + option.substring(8) + "' is not a port: 1 to 65535\n", ended.err());
        assertEquals(2, ended.status());
    }
}
