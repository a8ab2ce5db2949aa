package itests;

import itests.vm.Platform;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A platform with all ports of its serial card in use by devices, one of which a {@code vfio:tty} holds open. */
final class BusyPlatform implements AutoCloseable {
    static final int DEVICES = 12;
    /** Held open throughout. */
    static final String OPEN = uuid(1);

    static final String IDLE = uuid(2);

    private final Mdev mdev = Mdev.here();
    private final Platform platform;
    private @Nullable Process user;

    private BusyPlatform(Platform platform) {
        this.platform = platform;
    }

    static BusyPlatform start() throws Exception {
        BusyPlatform busy = new BusyPlatform(Platform.start("--load", "vendor.mtty"));
        try {
            busy.occupy();
            return busy;
        } catch (Exception | AssertionError e) {
            busy.close();
            throw e;
        }
    }

    private void occupy() throws Exception {
        platform.run(IntStream.rangeClosed(1, DEVICES)
                        .mapToObj(number -> "mdev:create mtty mtty-2 " + uuid(number))
                        .reduce((some, more) -> some + "; " + more)
                        .orElseThrow())
                .ok();
        user = mdev.command("--run", run(), "-c", "vfio:tty " + OPEN).start();
        Wait.until(
                "the port is open", () -> platform.run("mdev:show " + OPEN).ok().contains("vfio:tty"));
    }

    static String uuid(int number) {
        return "83b8f4f2-509f-382f-3c1e-e6bfe0fa10%02x".formatted(number);
    }

    String run() {
        return platform.run().toString();
    }

    Path socket(String device) {
        return platform.run().resolve("vfio-user/" + device + ".sock");
    }

    Mdev.Ended shell(String line) throws IOException, InterruptedException {
        return mdev.run("--run", run(), "-c", line);
    }

    @Override
    public void close() throws IOException {
        try (Platform last = platform) {
            if (user != null) {
                user.getOutputStream().close();
                Mdev.end(user);
            }
            last.stop();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
