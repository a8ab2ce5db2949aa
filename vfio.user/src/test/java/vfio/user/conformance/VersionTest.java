package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The version negotiation (libvfio-user's test_negotiate.py, and QEMU's requirements). */
final class VersionTest {
    private static final int DEFAULT_TRANSFER = 1 << 20;

    /** Rejected with EINVAL; the client may retry on the same connection. */
    @TestFactory
    Stream<DynamicTest> refusals() {
        Cases cases = new Cases();
        refused(cases, "no payload", Commands.VERSION, new Payload());
        refused(cases, "a payload that ends in the minor version", Commands.VERSION, new Payload().zeroes(3));
        refused(cases, "an unknown command", 999, Requests.version(0, 1));
        refused(cases, "another command first", Commands.GET_INFO, Requests.info(16));
        refused(cases, "major version 999", Commands.VERSION, Requests.version(999, 1));
        refused(cases, "major version 1", Commands.VERSION, Requests.version(1, 0, "{}"));
        refused(
                cases,
                "JSON without NUL",
                Commands.VERSION,
                Requests.version(0, 1).bytes((byte) '{', (byte) '}'));
        json(cases, "nothing before the NUL", "");
        json(cases, "no closing brace", "{");
        json(cases, "no closing quote", "\"");
        json(cases, "an array", "[]");
        json(cases, "a number", "7");
        json(cases, "something behind the object", "{} {}");
        json(cases, "brackets a hundred thousand deep", "{\"capabilities\":" + "[".repeat(100_000));
        json(cases, "capabilities that are a string", "{ \"capabilities\": \"23\" }");
        capability(cases, "max_msg_fds", "\"foo\"", "-1", "1025", "1.5", "99999999999999999999", "null", "[]");
        capability(cases, "max_data_xfer_size", "\"foo\"", "-1", "{}", "99999999999999999999");
        capability(cases, "max_dma_maps", "\"foo\"", "-1");
        capability(cases, "pgsizes", "\"foo\"", "[4096]");
        capability(cases, "write_multiple", "1", "\"true\"");
        capability(cases, "twin_socket", "true", "[]", "{\"supported\": 1}", "{\"supported\": \"true\"}");
        capability(cases, "migration", "\"23\"", "{\"pgsize\": \"foo\"}", "{\"pgsize\": 4095}", "{\"pgsize\": 0}");
        return cases.runSilent();
    }

    private static void capability(Cases cases, String name, String... values) {
        for (String value : values) {
            json(cases, name + " = " + value, "{\"capabilities\": {\"" + name + "\": " + value + "}}");
        }
    }

    private static void json(Cases cases, String name, String json) {
        refused(cases, name, Commands.VERSION, Requests.version(0, 1, json));
    }

    private static void refused(Cases cases, String name, int command, Payload payload) {
        cases.add(name + " is EINVAL", (_, client) -> {
            int id = client.send(command, payload);
            client.receive().requireRefusal(id, command, Errno.EINVAL);
            client.negotiate().requireAlive();
        });
    }

    @TestFactory
    Stream<DynamicTest> malformed() {
        return new Cases()
                .add("a header that announces too much is EINVAL", (rig, client) -> {
                    client.sendBytes(
                            Message.header(7, Commands.VERSION, 64L << 20, 0, 0).array());
                    client.receive().requireRefusal(7, Commands.VERSION, Errno.EINVAL);
                    client.close();
                    rig.requireServing();
                })
                .add("descriptors that come with it are EINVAL, and closed", (rig, client) -> {
                    EventFd event = rig.eventFd();
                    int held = Descriptors.open(Descriptors.EVENTFD);
                    int id = client.send(Commands.VERSION, Requests.version(0, 1, "{}"), event.fd(), event.fd());
                    client.receive().requireRefusal(id, Commands.VERSION, Errno.EINVAL);
                    client.negotiate().requireAlive();
                    Rig.await("descriptors", held, () -> Descriptors.open(Descriptors.EVENTFD));
                })
                .add("a client that disconnects without a message is handled", (rig, client) -> {
                    client.close();
                    rig.requireServing();
                })
                .add("a client that disconnects in the middle of a header is handled", (rig, client) -> {
                    client.sendBytes(new byte[] {1, 0, 1});
                    client.close();
                    rig.requireServing();
                })
                .runSilent();
    }

    @TestFactory
    Stream<DynamicTest> agreements() {
        Cases cases = new Cases();
        agreed(cases, "without JSON", Requests.version(0, 1));
        for (String json : List.of(
                "{}",
                " { } ",
                "{\"capabilities\": {}}",
                "{\"capabilities\": {\"max_msg_fds\": 0}}",
                "{\"capabilities\": {\"max_msg_fds\": 1024, \"max_data_xfer_size\": 1048576}}",
                "{\"capabilities\": {\"max_data_xfer_size\": 1}}",
                "{\"capabilities\": {\"twin_socket\": {}}}",
                "{\"capabilities\": {\"twin_socket\": {\"supported\": false}}}",
                "{\"capabilities\": {\"migration\": {}}}",
                "{\"capabilities\": {\"of_the_future\": [1, {\"a\": null}], \"max_msg_fds\": 4}}",
                "{\"of_the_future\": {\"capabilities\": 1}}")) {
            agreed(cases, json, Requests.version(0, 1, json));
        }
        return cases.runSilent();
    }

    private static void agreed(Cases cases, String name, Payload payload) {
        cases.add(name + " is agreed on", (_, client) -> {
            Message answer = client.ok(Commands.VERSION, payload);
            assertEquals(List.of(), answer.fds(), "no twin socket was asked for");
            assertEquals(0, answer.u16(0), "major version");
            assertTrue(answer.u16(2) <= 1, "minor version");
            Map<String, String> capabilities = capabilities(answer);
            assertFalse(capabilities.containsKey("twin_socket.supported"), "no twin socket was asked for");
            assertTrue(number(capabilities, "max_msg_fds", 1) >= 1);
            assertTrue(number(capabilities, "max_data_xfer_size", DEFAULT_TRANSFER) >= 1);
            client.requireAlive();
        });
    }

    @TestFactory
    Stream<DynamicTest> minors() {
        Cases cases = new Cases();
        for (int proposed : new int[] {0, 1, 2, 3, 0xffff}) {
            cases.add("minor version " + proposed + " is answered by none above it", (_, client) -> {
                Message answer = client.ok(Commands.VERSION, Requests.version(0, proposed, "{}"));
                assertEquals(0, answer.u16(0));
                assertTrue(answer.u16(2) <= proposed, () -> "minor " + answer.u16(2));
            });
        }
        return cases.runSilent();
    }

    @TestFactory
    Stream<DynamicTest> answers() {
        return new Cases()
                .add("QEMU gets what it demands, in no more bytes than it sent", (_, client) -> {
                    Payload proposal = Requests.version(0, 0, Requests.QEMU);
                    assertEquals(214, Message.HEADER + proposal.size(), "QEMU's own size");
                    Message answer = client.ok(Commands.VERSION, proposal);
                    assertTrue(Message.HEADER + answer.size() <= 214, () -> "an answer of " + answer.size());
                    assertEquals(0, answer.u16(2), "QEMU takes minor 0 only");
                    Map<String, String> capabilities = capabilities(answer);
                    between(1, number(capabilities, "max_msg_fds", 1), 16);
                    between(1, number(capabilities, "max_data_xfer_size", DEFAULT_TRANSFER), 64 << 20);
                    between(1, number(capabilities, "max_dma_maps", 65_535), 65_535);
                    assertEquals(0, number(capabilities, "pgsizes", 4096) & 0xfff, "page sizes");
                    assertEquals("true", capabilities.get("write_multiple"));
                    List<String> offered = List.of(
                            "max_msg_fds",
                            "max_data_xfer_size",
                            "max_dma_maps",
                            "pgsizes",
                            "write_multiple",
                            "migration.pgsize",
                            "migration.max_bitmap_size");
                    List<String> more = new ArrayList<>(capabilities.keySet());
                    more.removeAll(offered);
                    assertEquals(List.of(), more, "a subset of what was proposed");
                })
                .add("write_multiple is not offered to a client that does not offer it", (_, client) -> {
                    Message answer = client.ok(Commands.VERSION, Requests.version(0, 1, "{}"));
                    assertFalse(capabilities(answer).containsKey("write_multiple"));
                })
                .add("a twin socket is a socket, at the index that the answer names", (rig, client) -> {
                    Message answer = client.ok(Commands.VERSION, Requests.version(0, 1, twin(16)));
                    Map<String, String> capabilities = capabilities(answer);
                    assertEquals("true", capabilities.get("twin_socket.supported"));
                    int index = (int) number(capabilities, "twin_socket.fd_index", -1);
                    assertEquals(1, answer.fds().size());
                    Fd twin = rig.owned(answer.fds().get(index));
                    assertEquals("SOCKET", twin.stat().type().name());
                    client.requireAlive();
                })
                .add("a client that can take no descriptor gets no twin socket", (_, client) -> {
                    Message answer = client.ok(Commands.VERSION, Requests.version(0, 1, twin(0)));
                    assertEquals(List.of(), answer.fds());
                    assertFalse("true".equals(capabilities(answer).get("twin_socket.supported")));
                    client.requireAlive();
                })
                .add("a second VERSION is EINVAL, and the first one stands", (_, client) -> {
                    client.negotiate();
                    client.refused(Errno.EINVAL, Commands.VERSION, Requests.version(0, 1, "{}"));
                })
                .add("a message after the VERSION in the same bytes is answered", (_, client) -> {
                    client.sendBytes(new Payload()
                            .bytes(Client.message(1, Commands.VERSION, 0, Requests.version(0, 1, "{}")))
                            .bytes(Client.message(2, Commands.GET_INFO, 0, Requests.info(16)))
                            .toBytes());
                    client.receive().requireOk(1, Commands.VERSION);
                    client.receive().requireOk(2, Commands.GET_INFO);
                })
                .runSilent();
    }

    static String twin(int maxMsgFds) {
        return "{\"capabilities\": {\"max_msg_fds\": " + maxMsgFds + ", \"twin_socket\": {\"supported\": true}}}";
    }

    private static void between(long least, long value, long most) {
        assertTrue(value >= least && value <= most, () -> value + " is not in " + least + ".." + most);
    }

    private static long number(Map<String, String> capabilities, String name, long absent) {
        return Long.parseLong(capabilities.getOrDefault(name, Long.toString(absent)));
    }

    /** The answer must contain it: QEMU requires it. */
    static Map<String, String> capabilities(Message answer) {
        byte[] json = answer.bytes(4);
        assertTrue(json.length > 0 && json[json.length - 1] == 0, "the answer ends with a NUL");
        return Json.leaves(new String(json, 0, json.length - 1, StandardCharsets.UTF_8), "capabilities.");
    }
}
