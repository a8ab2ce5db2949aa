package mdev.tools.demo;

import static mdev.tools.demo.Transcript.check;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Vfio;
import mdev.tools.demo.Transcript.Failure;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;

/**
 * Replaces a driver while a program uses its device, step by step, through shell commands and the VFIO API only. In
 * place of the driver's author, the demo edits the class files.
 */
record LiveDemo(BundleContext context, Vfio vfio, Transcript transcript) {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String NAME = "Dual port serial";
    private static final String NEW_NAME = "Dual port serial, revised";

    /** A field of the state of a port. */
    private static final String FIELD = "received";

    private static final String OTHER_FIELD = "receive_fifo";

    private static final int UPDATES = 20;
    private static final Pattern PAUSE = Pattern.compile("paused for (\\d+) ms");

    void perform() throws ErrnoException, InterruptedException {
        Path versions = directory();
        try (Conversation conversation = new Conversation(vfio, UUID)) {
            steps(versions, conversation);
        } finally {
            Demo.leave(context, transcript);
            delete(versions);
        }
    }

    private void steps(Path versions, Conversation conversation) throws InterruptedException {
        transcript.step("Load a driver, and create a device with two serial ports", this::load);
        transcript.step("A program opens the device, and sends lines through both ports without a pause", () -> {
            conversation.begin();
            transcript.type("mdev:list");
            transcript.shown(conversation.more());
        });
        transcript.step(
                "The author of the driver changes '%s' to '%s', and the driver is updated".formatted(NAME, NEW_NAME),
                () -> update(versions, conversation));
        transcript.step("It is updated " + UPDATES + " times more", () -> repeat(conversation));
        transcript.step(
                "The author renames a field of the state, and forgets to read the old one: the update is undone",
                () -> reject(versions, conversation));
        transcript.step("The program ends", () -> transcript.shown(conversation.end()));
        transcript.step("Unload the driver", () -> transcript.type("mdev:rmmod " + Demo.MODULE));
    }

    private void load() throws Failure, InterruptedException {
        transcript.type("mdev:modprobe " + Demo.MODULE);
        transcript.type("mdev:create mtty mtty-2 " + UUID);
        transcript.type("mdev:types mtty");
    }

    private void update(Path versions, Conversation conversation) throws ErrnoException, Failure, InterruptedException {
        Path next = versions.resolve("revised.jar");
        new EditedJar(NAME, NEW_NAME).copy(driver(), next);
        transcript.type("mdev:update mtty " + next);
        transcript.type("mdev:types mtty");
        transcript.type("mdev:list");
        check(
                "the name of the type",
                NEW_NAME + "\n",
                transcript.run("sysfs:cat /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/name"));
        transcript.shown(conversation.more());
    }

    private Path driver() throws ErrnoException {
        Optional<Bundle> bundle = Demo.module(context);
        if (bundle.isEmpty()) {
            throw new ErrnoException(Errno.ENOENT, Demo.MODULE + " is not loaded");
        }
        return Path.of(URI.create(bundle.get().getLocation()));
    }

    private void repeat(Conversation conversation) throws Failure, ErrnoException, InterruptedException {
        StringBuilder replies = new StringBuilder();
        for (int i = 0; i < UPDATES; i++) {
            replies.append(transcript.run("mdev:update mtty"));
        }
        List<Integer> pauses = PAUSE.matcher(replies)
                .results()
                .map(found -> Integer.valueOf(found.group(1)))
                .sorted()
                .toList();
        check("the number of updates", UPDATES, pauses.size());
        transcript.shown("pauses: median %d ms, longest %d ms".formatted(pauses.get(UPDATES / 2), pauses.getLast()));
        transcript.shown(conversation.more());
    }

    private void reject(Path versions, Conversation conversation) throws ErrnoException, Failure, InterruptedException {
        Path broken = versions.resolve("broken.jar");
        new EditedJar(FIELD, OTHER_FIELD).copy(driver(), broken);
        transcript.typeInVain("mdev:update mtty " + broken);
        transcript.type("mdev:types mtty");
        transcript.shown(conversation.more());
    }

    private static Path directory() throws ErrnoException {
        try {
            return Files.createTempDirectory("demo");
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, "no directory for versions of the driver: " + e);
        }
    }

    private static void delete(Path directory) throws ErrnoException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, directory + " is left: " + e);
        }
    }
}
