package itests.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * The same vfio-user client, in C, against the platform and against the least server, {@code peer.c}, in turn.
 *
 * @param bundle the benchmark's, which the platform loads
 */
record Clients(Programs programs, Path bundle, Path temp) {
    /** The work of the client: see {@code client.c}. */
    enum Work {
        READ,
        POST,
        WAKE
    }

    /** A placement that this machine may not have. */
    interface Place {
        Placement get() throws Exception;
    }

    /**
     * Starts a platform and its peer.
     *
     * @param devices the most clients at once: each has a device of its own
     */
    Servers start(Place place, int devices) throws Exception {
        Placement placement = place.get();
        String client = programs.path("client");
        Path socket = Files.createTempDirectory(temp, "peer").resolve("socket");
        Process peer = Programs.serve(placement.server(), programs.path("peer"), socket.toString());
        try {
            BenchPlatform platform = BenchPlatform.start(placement, bundle);
            return new Servers(client, placement, platform, platform.devices(devices), peer, socket);
        } catch (Exception | AssertionError e) {
            peer.destroyForcibly();
            throw e;
        }
    }

    /** What the client measures in turn. */
    record Servers(
            String client, Placement placement, BenchPlatform platform, List<Path> ours, Process peer, Path socket)
            implements AutoCloseable {
        /** Runs rounds of as many clients at once. */
        Programs.Alternation run(Work work, int clients, Effort effort) throws IOException, InterruptedException {
            List<String> command = new ArrayList<>(List.of(
                    client,
                    work.name().toLowerCase(Locale.ROOT),
                    Integer.toString(effort.warmUp() + effort.rounds()),
                    Integer.toString(effort.millis())));
            ours.subList(0, clients).forEach(path -> command.add(path.toString()));
            command.add("--");
            command.addAll(Collections.nCopies(clients, socket.toString()));
            return Programs.alternate(placement.client(), effort.warmUp(), command);
        }

        @Override
        public void close() throws IOException {
            peer.destroyForcibly();
            platform.close();
        }
    }
}
