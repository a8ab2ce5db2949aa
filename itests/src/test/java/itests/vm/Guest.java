package itests.vm;

import com.fasterxml.jackson.databind.JsonNode;
import itests.Patience;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A VM: QEMU and the Linux in it, with vfio-user devices in slot 5, 6 and so on. Several may run concurrently, each for
 * one thread; only {@link #kill} may be called from another thread.
 */
final class Guest implements AutoCloseable {
    private final Path dir;
    private final Process process;
    private final Qmp qmp;
    private final Agent agent;

    private Guest(Path dir, Process process, Qmp qmp, Agent agent) {
        this.dir = dir;
        this.process = process;
        this.qmp = qmp;
        this.agent = agent;
    }

    /** Boots a guest and waits until it accepts commands. */
    static Guest boot(Path... sockets) throws IOException {
        var guest = start(sockets);
        guest.awaitBoot();
        return guest;
    }

    /** Starts a guest without waiting, so that the caller can start more guests while it boots. */
    static Guest start(Path... sockets) throws IOException {
        return start(List.of(), sockets);
    }

    /** As {@link #start(Path...)}, with more options of QEMU. */
    static Guest start(List<String> more, Path... sockets) throws IOException {
        var dir = Files.createTempDirectory("vm");
        var command = new ArrayList<>(List.of(Home.file("cnf/vm/boot")));
        for (var socket : sockets) {
            command.add(socket.toString());
        }
        command.addAll(List.of(
                "--",
                "-qmp",
                "unix:" + dir.resolve("qmp") + ",server=on,wait=off",
                "-serial",
                "file:" + dir.resolve("console"),
                "-chardev",
                "socket,id=agent,server=on,wait=off,path=" + dir.resolve("agent"),
                // Does not interfere with the devices under test: it has MSI-X and shares no interrupt line with them.
                // Slot 1f of machine q35 is taken.
                "-device",
                "virtio-serial-pci,addr=1e",
                "-device",
                "virtserialport,chardev=agent,name=mdev.agent"));
        command.addAll(more);
        var process = new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectErrorStream(true)
                .redirectOutput(dir.resolve("qemu.log").toFile())
                .start();
        var deadline = Deadline.in(Patience.TIME);
        try {
            var qmp = new Qmp(new UnixStream(dir.resolve("qmp"), process, deadline));
            var agent = new Agent(new UnixStream(dir.resolve("agent"), process, deadline));
            return new Guest(dir, process, qmp, agent);
        } catch (IOException | AssertionError e) {
            process.destroyForcibly();
            throw new AssertionError("QEMU did not start: " + Files.readString(dir.resolve("qemu.log")), e);
        }
    }

    /** Resumes a guest from another guest's saved state, in a tenth of the boot time. */
    static Guest restore(Path saved) throws IOException {
        // The agent's line must be connected before the guest runs, or the guest would consider it hung up.
        var guest = start(List.of("-incoming", "defer"));
        guest.qmp.execute("migrate-incoming", Map.of("uri", "file:" + saved));
        guest.awaitState("query-status", "running");
        return guest;
    }

    /** Stops the guest, which must have no device of ours, and saves its state to a file for {@link #restore}. */
    void save(Path file) throws IOException, InterruptedException {
        qmp.execute("migrate", Map.of("uri", "file:" + file));
        awaitState("query-migrate", "completed");
        quit();
    }

    private void awaitState(String query, String state) throws IOException {
        var deadline = Deadline.in(Patience.TIME);
        for (var now = status(query); !now.equals(state); now = status(query)) {
            if (deadline.isOver() || now.equals("failed")) {
                throw failure(query + " reports " + now + ", not " + state, null);
            }
            LockSupport.parkNanos(5_000_000); // QEMU replies on the thread that does the work
        }
    }

    private String status(String query) throws IOException {
        return qmp.execute(query).path("status").asText();
    }

    void awaitBoot() throws IOException {
        try {
            agent.awaitReady();
        } catch (IOException e) {
            throw failure("the guest did not boot", e);
        }
    }

    /** Runs a shell script as root. */
    Result run(String script) throws IOException {
        return run(script, Patience.TIME);
    }

    /** Runs a shell script as root and kills it if it exceeds {@code time} (whole seconds, at least 1). */
    Result run(String script, Duration time) throws IOException {
        try {
            agent.send(script, time);
            return agent.result(time);
        } catch (IOException e) {
            throw failure("the guest did not answer: " + script, e);
        }
    }

    /** Starts a shell script in the background. */
    void background(String script) throws IOException {
        run("{\n" + script + "\n} >/dev/null 2>&1 </dev/null &").ok();
    }

    /** Reboots from inside the guest. */
    void reboot() throws IOException {
        agent.send("reboot -f", Patience.TIME);
        awaitBoot();
    }

    /** Presses the machine's reset button. */
    void reset() throws IOException {
        qmp.execute("system_reset");
        awaitBoot();
    }

    /** Plugs a vfio-user device into the running machine; {@code id} identifies it for {@link #unplug}. */
    void plug(String id, int slot, Path socket) throws IOException {
        qmp.execute(
                "device_add",
                Map.of(
                        "driver",
                        "vfio-user-pci",
                        "id",
                        id,
                        "addr",
                        Integer.toHexString(slot),
                        "socket",
                        Map.of("type", "unix", "path", socket.toString())));
    }

    /** Asks the guest to release a device and waits until it has. */
    void unplug(String id) throws IOException {
        qmp.execute("device_del", Map.of("id", id));
        JsonNode event;
        do {
            event = qmp.event("DEVICE_DELETED");
        } while (!event.at("/data/device").asText().equals(id));
    }

    Qmp qmp() {
        return qmp;
    }

    /** The output of the kernel and the first process. */
    String console() throws IOException {
        return Files.readString(dir.resolve("console"), StandardCharsets.ISO_8859_1);
    }

    /** The output of QEMU. */
    String qemuLog() throws IOException {
        return Files.readString(dir.resolve("qemu.log"));
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Shuts down from inside the guest; returns QEMU's exit status. */
    int poweroff() throws IOException, InterruptedException {
        agent.send("poweroff -f", Patience.TIME);
        return awaitExit();
    }

    /** Quits QEMU through its monitor; returns its exit status. */
    int quit() throws IOException, InterruptedException {
        qmp.send("quit");
        return awaitExit();
    }

    /** Kills QEMU with SIGKILL: it runs no cleanup, and the kernel closes its sockets. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    private int awaitExit() throws IOException, InterruptedException {
        if (!process.waitFor(Patience.TIME)) {
            throw failure("QEMU did not end", null);
        }
        return process.exitValue();
    }

    private AssertionError failure(String what, @Nullable Exception cause) throws IOException {
        var end = process.isAlive() ? "" : "\nQEMU ended with " + process.exitValue();
        return new AssertionError(what + end + "\n--- console\n" + console() + "\n--- QEMU\n" + qemuLog(), cause);
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly().onExit().join();
        qmp.close();
        agent.close();
        try (var files = Files.list(dir)) {
            for (var file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(dir);
    }
}
