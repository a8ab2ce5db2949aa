package itests.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import itests.Patience;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import mdev.core.golden.Deviations;
import mdev.core.golden.GoldenLine;
import mdev.core.golden.TranscriptReplay;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Remove, unbind and unload while a device is open, replayed from the real kernel. A vfio-user client holds the device
 * open until it is asked to close it; the waiting times of the kernel's callers depended on their holders, so they are
 * not compared. Here a client cannot hold a group or a container without a device: case 4 has no holder, and the holder
 * of case 6 has the device.
 */
final class OpenIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa000";
    private static final String REMOVE = "bus/mdev/devices/" + UUID;

    /** The holder stays until the test ends it, no matter how long the checks in between take. */
    private static final String[] PATIENT = {
        "--set", "vfio.mdev.requestTimeout=" + Patience.TIME.toMillis(),
        "--set", "mdev.core.removalTimeout=" + Patience.TIME.multipliedBy(4).toMillis()
    };

    /**
     * From this line on, the transcript records the holders' other system calls: vfio.mdev replays the transcripts of
     * the VFIO API.
     */
    private static final int HOLDERS = 110;

    private final MountedPlatform mounted;

    private @Nullable Holder holder;
    private @Nullable Process waiter;
    private @Nullable FutureTask<String> unloading;

    OpenIT() throws Exception {
        mounted = MountedPlatform.start(PATIENT);
    }

    /** Parts of the transcript without a counterpart here. */
    private static boolean isReplayed(GoldenLine line) {
        boolean counts = line.has("refcnt"); // a bundle has no use count
        boolean kernel = line.has("waiter_state") || line.text("note").startsWith("/proc/modules");
        boolean nodes = line.text("path").startsWith("/dev/"); // devices are opened on sockets
        // A bundle that others use can be stopped at any time, and its devices are removed with it: see HotPlugIT.
        boolean inUse = line.text("op").equals("rmmod") && line.text("errno").equals("EAGAIN");
        return line.number() < HOLDERS && !counts && !kernel && !nodes && !inUse;
    }

    @Test
    void answersAsTheKernelWhileADeviceIsOpen() throws Exception {
        Deviations deviations = new Deviations()
                .add(
                        "interrupted",
                        "a signal interrupts the caller, and its operation continues; in 5.10 it cannot be killed",
                        line -> line.text("note").startsWith("SIGTERM sent")
                                || line.text("note").startsWith("SIGKILL sent"),
                        "waiter alive: no")
                .add(
                        "all at once",
                        "all devices of an unloaded module leave the bus at once; in the kernel one by one",
                        line -> line.number() > 80
                                && line.text("path").endsWith(UUID + "6")
                                && line.text("type").equals("link"),
                        "absent ENOENT")
                .add(
                        "not found as a result",
                        "as above; in the kernel it is still found while being removed",
                        line -> line.number() > 80 && line.text("path").endsWith(UUID + "6/remove"),
                        "ENOENT");
        try (mounted;
                CallerSysfs sysfs = new CallerSysfs(mounted.directory())) {
            TranscriptReplay replay = new TranscriptReplay(sysfs, this::insmod, deviations)
                    .before(14, () -> hold(1))
                    .before(25, () -> begin("printf 1 > " + REMOVE + "1/remove && echo 1"))
                    .at(39, this::leave)
                    .before(47, () -> {
                        hold(2);
                        begin("printf 1 > " + REMOVE + "2/remove && echo 1");
                    })
                    .at(47, () -> kill("TERM"))
                    .at(48, () -> kill("KILL"))
                    .at(49, () -> {
                        Objects.requireNonNull(holder).close();
                        return "holder gone; waiter alive: " + isAlive();
                    })
                    .before(53, () -> {
                        hold(3);
                        begin("printf " + UUID + "3 > bus/mdev/drivers/vfio_mdev/unbind && echo 36");
                    })
                    .at(53, this::leave)
                    .before(68, () -> {
                        hold(9);
                        begin("printf 1 > " + REMOVE + "9/remove && echo 1");
                    })
                    .at(68, this::leave)
                    .before(80, () -> {
                        hold(5);
                        rmmod();
                    })
                    .at(103, () -> {
                        Objects.requireNonNull(holder).close();
                        return Objects.requireNonNull(unloading).get();
                    });
            List<GoldenLine> lines = GoldenLine.read("open.jsonl").stream()
                    .filter(OpenIT::isReplayed)
                    .toList();

            assertEquals("", String.join("\n", replay.replay(lines)));
            assertEquals(List.of(), deviations.unmet());
        } finally {
            if (holder != null) {
                holder.close();
            }
        }
    }

    private void insmod(String module) throws IOException, InterruptedException {
        if (module.equals("mtty")) {
            mounted.platform().run("mdev:modprobe vendor.mtty").ok();
        }
    }

    private static <T> T checked(Callable<T> step) {
        try {
            return step.call();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private void hold(int device) {
        holder = checked(() -> new Holder(mounted.platform().run().resolve("vfio-user/" + UUID + device + ".sock")));
    }

    /** Returns once the caller waits for the holder. */
    private void begin(String script) {
        checked(() -> {
            waiter = mounted.start(script);
            Objects.requireNonNull(holder).awaitRequest();
            return waiter;
        });
    }

    private String leave() throws Exception {
        Objects.requireNonNull(holder).close();
        Process waits = Objects.requireNonNull(waiter);
        return new String(waits.getInputStream().readAllBytes(), UTF_8).strip();
    }

    private String kill(String signal) throws Exception {
        Process waits = Objects.requireNonNull(waiter);
        mounted.sh("cd /; kill -" + signal + " " + waits.pid() + " 2> /dev/null");
        MountedPlatform.end(waits);
        return "waiter alive: " + isAlive();
    }

    private String isAlive() {
        return Objects.requireNonNull(waiter).isAlive() ? "yes" : "no";
    }

    private void rmmod() {
        FutureTask<String> task = new FutureTask<>(() -> {
            mounted.platform().run("mdev:rmmod -f vendor.mtty").ok(); // without -f a module in use is rejected
            return "0";
        });
        unloading = task;
        Thread.ofPlatform().start(task);
        checked(() -> {
            Objects.requireNonNull(holder).awaitRequest();
            return task;
        });
    }
}
