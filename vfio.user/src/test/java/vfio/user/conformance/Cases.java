package vfio.user.conformance;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import org.junit.jupiter.api.DynamicTest;
import vfio.user.session.Options;

/** A table of cases. Each runs on a separate rig, with a client that has negotiated the version. */
final class Cases {
    /** Succeeds or throws. */
    @FunctionalInterface
    interface Case {
        void run(Rig rig, Client client) throws Exception;
    }

    private final Map<String, Case> all = new LinkedHashMap<>();

    Cases add(String name, Case test) {
        if (all.put(name, test) != null) {
            throw new IllegalArgumentException("twice: " + name);
        }
        return this;
    }

    /** The command must be rejected, and the connection must remain usable. */
    Cases refused(String name, Errno errno, int command, Payload payload) {
        return add(name + " is " + errno, (_, client) -> client.refused(errno, command, payload));
    }

    Stream<DynamicTest> run() {
        return run(Rig.PATIENT);
    }

    /** As {@link #run()}, with shorter timeouts of the server. */
    Stream<DynamicTest> run(Options options) {
        return all.entrySet().stream()
                .map(row -> DynamicTest.dynamicTest(row.getKey(), () -> {
                    try (Rig rig = new Rig(options)) {
                        row.getValue().run(rig, rig.client());
                    }
                }));
    }

    /** As {@link #run()}, with a client that has sent nothing yet. */
    Stream<DynamicTest> runSilent() {
        return runSilent(Rig.PATIENT);
    }

    /** As {@link #runSilent()}, with shorter timeouts of the server. */
    Stream<DynamicTest> runSilent(Options options) {
        return all.entrySet().stream()
                .map(row -> DynamicTest.dynamicTest(row.getKey(), () -> {
                    try (Rig rig = new Rig(options)) {
                        row.getValue().run(rig, rig.connect());
                    }
                }));
    }
}
