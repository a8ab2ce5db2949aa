package mdev.metrics;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.prometheus.metrics.expositionformats.OpenMetricsTextFormatWriter;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mdev.sync.Deadline;

/** One HTTP request and its answer; the connection is closed after it. */
final class Exchange {
    private static final int LONGEST_REQUEST = 8192;
    private static final Pattern REQUEST_LINE = Pattern.compile("(\\S+) (\\S+) HTTP/1\\.[01]\r\n.*", Pattern.DOTALL);
    private static final String END = "\r\n\r\n";

    private final SocketChannel channel;
    private final Selector selector;
    private final Deadline deadline;

    private Exchange(SocketChannel channel, Selector selector, Deadline deadline) {
        this.channel = channel;
        this.selector = selector;
        this.deadline = deadline;
    }

    /** @throws IOException the client has disconnected, or the deadline passed before the answer was sent */
    static void serve(SocketChannel channel, Supplier<byte[]> text, Deadline deadline) throws IOException {
        channel.configureBlocking(false);
        try (Selector selector = Selector.open()) {
            Exchange exchange = new Exchange(channel, selector, deadline);
            exchange.write(answer(exchange.read(), text));
        }
    }

    private static ByteBuffer answer(String request, Supplier<byte[]> text) {
        Matcher line = REQUEST_LINE.matcher(request);
        if (!line.matches() || !request.endsWith(END)) {
            return response(
                    "400 Bad Request",
                    "text/plain",
                    "expected an HTTP request of 8 KiB at most\n".getBytes(ISO_8859_1));
        }
        if (!line.group(1).equals("GET")) {
            return response("405 Method Not Allowed", "text/plain", "expected GET\n".getBytes(ISO_8859_1));
        }
        if (!line.group(2).matches("/metrics(\\?.*)?")) {
            return response("404 Not Found", "text/plain", "the metrics are at /metrics\n".getBytes(ISO_8859_1));
        }
        return response("200 OK", OpenMetricsTextFormatWriter.CONTENT_TYPE, text.get());
    }

    private static ByteBuffer response(String status, String type, byte[] body) {
        byte[] head = ("HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + body.length
                        + "\r\nConnection: close" + END)
                .getBytes(ISO_8859_1);
        return ByteBuffer.allocate(head.length + body.length)
                .put(head)
                .put(body)
                .flip();
    }

    /** Reads to the end of the header; a body is not expected. */
    private String read() throws IOException {
        SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
        ByteBuffer buffer = ByteBuffer.allocate(LONGEST_REQUEST);
        String request = "";
        while (!request.endsWith(END) && buffer.hasRemaining()) {
            await();
            if (channel.read(buffer) < 0) {
                break;
            }
            request = new String(buffer.array(), 0, buffer.position(), ISO_8859_1);
        }
        key.cancel();
        selector.selectNow();
        return request;
    }

    private void write(ByteBuffer response) throws IOException {
        channel.register(selector, SelectionKey.OP_WRITE);
        while (response.hasRemaining()) {
            await();
            channel.write(response);
        }
    }

    private void await() throws IOException {
        if (selector.select(_ -> {}, Math.max(1, deadline.remainingMillis())) == 0 && deadline.hasPassed()) {
            throw new SocketTimeoutException("the client is too slow");
        }
    }
}
