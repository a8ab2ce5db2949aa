package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import vfio.mdev.CorePlatform;

/**
 * The state that one device should have, and random operations that change both and compare them. Used by one thread,
 * except for {@link #observe}.
 */
final class ModelDevice {
    private static final String DRIVER = "/sys/bus/mdev/drivers/vfio_mdev/";

    private final CorePlatform platform;
    private final Path sockets;
    private final TallyBundle bundle;
    private final UUID uuid;
    private final String directory;

    private boolean exists;
    private boolean bound;
    private @Nullable TallyUser user;
    private long sum;
    private long writes;
    private int life;

    /** For the observers; null while the device does not exist, or is created or removed. */
    private volatile @Nullable Published published;

    /** The limits of the sum, as far as another thread can know it. */
    private record Published(int life, long least, long most) {}

    private interface Call<T> {
        T call() throws ErrnoException;
    }

    private interface Run {
        void run() throws ErrnoException;
    }

    ModelDevice(CorePlatform platform, Path sockets, TallyBundle bundle, UUID uuid) {
        this.platform = platform;
        this.sockets = sockets;
        this.bundle = bundle;
        this.uuid = uuid;
        this.directory = CorePlatform.DEVICES + uuid;
    }

    /** A caller is delayed, and not rejected, except by an update in which a call hangs. */
    private <T> T delayed(Call<T> call) throws ErrnoException {
        while (true) {
            int hangs = bundle.hangs();
            try {
                return call.call();
            } catch (ErrnoException e) {
                if (e.errno() != Errno.EAGAIN || !bundle.hasHung(hangs)) {
                    throw e;
                }
            }
        }
    }

    private void perform(Run run) throws ErrnoException {
        delayed(() -> {
            run.run();
            return this;
        });
    }

    private void fails(Errno expected, Run run) {
        ErrnoException thrown = assertThrows(ErrnoException.class, () -> perform(run), uuid::toString);
        assertEquals(expected, thrown.errno(), thrown::toString);
    }

    /** A random operation. */
    void step(Random random) throws ErrnoException {
        if (!exists) {
            if (random.nextInt(8) == 0) {
                fails(Errno.ENOENT, this::writeRemove);
                fails(Errno.ENODEV, () -> platform.write(DRIVER + "bind", uuid.toString()));
            } else {
                create();
            }
            return;
        }
        switch (random.nextInt(12)) {
            case 0 -> remove();
            case 1 -> fails(Errno.EEXIST, this::writeCreate);
            case 2, 3 -> rebind();
            case 4, 5, 6 -> reopen(random);
            case 7 -> addByAttribute(random.nextInt(1000));
            default -> use(random);
        }
        if (exists) {
            check();
        }
    }

    private void writeCreate() throws ErrnoException {
        platform.write(bundle.createFile(), uuid.toString());
    }

    private void writeRemove() throws ErrnoException {
        platform.write(directory + "/remove", "1");
    }

    private void create() throws ErrnoException {
        perform(this::writeCreate);
        exists = true;
        bound = true;
        sum = 0;
        life++;
        published = new Published(life, 0, 0);
    }

    private void remove() throws ErrnoException {
        published = null;
        perform(this::writeRemove);
        exists = false;
        bound = false;
        assertTrue(!platform.exists(directory), directory);
        loseUser();
    }

    /** Removes the device if it exists. */
    void end() throws ErrnoException {
        if (exists) {
            remove();
        }
    }

    private void rebind() throws ErrnoException {
        if (!bound) {
            perform(() -> platform.write(DRIVER + "bind", uuid.toString()));
            bound = true;
            return;
        }
        fails(Errno.ENODEV, () -> platform.write(DRIVER + "bind", uuid.toString()));
        perform(() -> platform.write(DRIVER + "unbind", uuid.toString()));
        bound = false;
        loseUser();
    }

    /** The device has been taken from its user. */
    private void loseUser() {
        TallyUser lost = user;
        if (lost != null) {
            fails(Errno.ENODEV, () -> lost.read(TallyDriver.SUM));
            close();
        }
    }

    private void reopen(Random random) throws ErrnoException {
        if (user != null) {
            close();
        } else if (bound) {
            boolean local = random.nextBoolean();
            int group = platform.group(uuid);
            // The server releases the group some time after a client has closed its end.
            Rig.await("the holder of the group", Optional.empty(), () -> platform.vfio.holder(group));
            user = delayed(() -> local
                    ? TallyUser.Local.open(platform.vfio, group, uuid)
                    : TallyUser.Remote.open(sockets.resolve(uuid + ".sock")));
            writes = 0;
        }
    }

    void close() {
        if (user != null) {
            user.close();
            user = null;
        }
    }

    private void use(Random random) throws ErrnoException {
        TallyUser now = user;
        if (now == null) {
            return;
        }
        for (int i = random.nextInt(40); i >= 0; i--) {
            long value = random.nextInt(1000);
            published = new Published(life, sum, sum + value);
            perform(() -> now.add(value));
            sum += value;
            writes++;
            published = new Published(life, sum, sum);
        }
    }

    private void addByAttribute(long value) throws ErrnoException {
        published = new Published(life, sum, sum + value);
        perform(() -> platform.write(directory + "/tally/sum", Long.toString(value)));
        sum += value;
        published = new Published(life, sum, sum);
    }

    /** Compares the device with the model. */
    void check() throws ErrnoException {
        assertEquals(exists, platform.exists(directory), directory);
        if (!exists) {
            return;
        }
        assertEquals(bound, platform.exists(directory + "/driver"), directory);
        assertEquals(bound, platform.vfio.devices().containsKey(uuid.toString()), directory);
        assertEquals(sum + "\n", delayed(() -> platform.read(directory + "/tally/sum")), directory);
        TallyUser now = user;
        if (now != null) {
            assertEquals(sum, delayed(() -> now.read(TallyDriver.SUM)), directory);
            assertEquals(writes, delayed(() -> now.read(TallyDriver.WRITES)), directory);
            assertEquals(writes, now.interrupts(), directory);
            if (writes > 0) {
                // A later store of the attribute does not reach the page.
                assertEquals(now.page(1), now.page(0), directory);
                assertTrue(now.page(0) <= sum, directory);
            }
        }
    }

    /** Reads the sum on another thread than the owner's. */
    void observe() throws ErrnoException {
        Published before = published;
        if (before == null) {
            return;
        }
        try {
            long read = Long.parseLong(
                    delayed(() -> platform.read(directory + "/tally/sum")).strip());
            Published after = published;
            if (after != null && after.life == before.life) {
                assertTrue(before.least <= read && read <= after.most, () -> before + ", " + read + ", " + after);
            }
        } catch (ErrnoException e) {
            Published after = published;
            assertTrue(after == null || after.life != before.life, e::toString);
        }
    }
}
