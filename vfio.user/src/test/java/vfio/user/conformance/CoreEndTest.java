package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.RepeatedTest;
import vfio.mdev.CorePlatform;
import vfio.user.VfioUser;

/** The core is closed, as at the end of the platform, while a driver is updated and its devices are in use. */
final class CoreEndTest {
    private static final int USERS = 4;

    private final Queue<String> violations = new ConcurrentLinkedQueue<>();

    @RepeatedTest(5)
    void endLeavesNothingOfUpdatesAndUsers() throws Exception {
        Map<String, Integer> before = Descriptors.open();
        Path home = Files.createTempDirectory("vfu");
        TallyBundle bundle;
        try (CorePlatform platform = new CorePlatform()) {
            VfioUser server = new VfioUser(home.resolve("vfio-user"), Rig.PATIENT);
            server.clear();
            platform.vfio.addListener(server);
            bundle = new TallyBundle(platform, 0, violations, new ReentrantReadWriteLock());
            List<TallyUser> users = new ArrayList<>();
            List<FutureTask<Errno>> running = new ArrayList<>();
            for (int i = 0; i < USERS; i++) {
                UUID uuid = new UUID(0, i);
                platform.write(bundle.createFile(), uuid.toString());
                TallyUser user = i % 2 == 0
                        ? TallyUser.Local.open(platform.vfio, platform.group(uuid), uuid)
                        : TallyUser.Remote.open(home.resolve("vfio-user").resolve(uuid + ".sock"));
                users.add(user);
                running.add(Dma.start(() -> use(user)));
            }
            Random random = new Random();
            FutureTask<Integer> updates = Dma.start(() -> {
                while (!bundle.unloading) {
                    bundle.update(random);
                }
                return 0;
            });
            Rig.await("updates", true, () -> updates.isDone() || bundle.replaced.get() > 10);
            bundle.unloading = true;
            platform.core.close();

            Dma.get(updates);
            for (FutureTask<Errno> one : running) {
                assertEquals(Errno.ENODEV, Dma.get(one));
            }
            users.forEach(TallyUser::close);
            assertEquals(List.of(), List.copyOf(platform.core.devices()));
            assertTrue(platform.core.parents().isEmpty());
            platform.vfio.removeListener(server);
            server.close();
        }
        assertEquals(List.of(), List.copyOf(violations));
        Rig.await("objects of the driver", List.of(), bundle::objects);
        Files.delete(home);
        Rig.await("open descriptors", before, Descriptors::open);
        Rig.await("mappings of users' memory", 0L, () -> Descriptors.mappingsOf("tally"));
    }

    private static Errno use(TallyUser user) {
        while (true) {
            try {
                user.add(1);
            } catch (ErrnoException e) {
                if (e.errno() != Errno.EAGAIN) { // an update in which a call hangs
                    return e.errno();
                }
            }
        }
    }
}
