package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Migrating.ERROR;
import static vfio.user.conformance.Migrating.RESUMING;
import static vfio.user.conformance.Migrating.RUNNING;
import static vfio.user.conformance.Migrating.RUNNING_P2P;
import static vfio.user.conformance.Migrating.STOP;
import static vfio.user.conformance.Migrating.STOP_COPY;

import java.util.Arrays;
import java.util.Random;
import mdev.api.errno.Errno;
import mdev.api.vfio.VfioPci;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random walks of a client through the states of a migration, against a model of the device. */
final class MigrationWalkTest {
    private static final int STEPS = 400;
    private static final int BAR0 = 0;

    /** A stream that the client has read, with the register that it carries. */
    private static final class Saved {
        private final byte[] stream;
        private final byte register;

        Saved(byte[] stream, byte register) {
            this.stream = stream;
            this.register = register;
        }
    }

    /** What the client expects of the device. */
    private static final class Model {
        private final Random random;
        private final Migrating user;
        private final boolean p2p;
        private int state = RUNNING;
        private byte register;

        /** The stream being read, or null once it was read beyond its beginning. */
        private Saved saved;

        /** The stream being written, and how much of it was. */
        private Saved written;

        private int at;
        private boolean broken;
        private int resumed;
        private int quiesced;

        Model(Random random, Migrating user, boolean p2p, Saved saved) {
            this.random = random;
            this.user = user;
            this.p2p = p2p;
            this.saved = saved;
            this.written = saved;
        }

        void step() throws Exception {
            switch (random.nextInt(10)) {
                case 0, 1, 2 -> set(random.nextInt(9));
                case 3 -> set(RESUMING);
                case 4, 5 -> write();
                case 6 -> read();
                case 7 -> access();
                case 8 -> set(random.nextBoolean() ? STOP_COPY : RUNNING);
                default -> {
                    if (random.nextInt(4) == 0 || state == ERROR) {
                        reset();
                    }
                }
            }
            assertEquals(state, user.state());
        }

        private void set(int to) throws Exception {
            boolean exists =
                    to == STOP || to == RUNNING || to == STOP_COPY || to == RESUMING || (p2p && to == RUNNING_P2P);
            if (to == state) {
                user.set(to);
            } else if (!exists || state == ERROR) {
                user.refused(Errno.EINVAL, to, state);
            } else if (state == RESUMING && (broken || at < written.stream.length)) {
                user.refused(Errno.EINVAL, to, ERROR);
                state = ERROR;
            } else {
                if (state == RESUMING) {
                    register = written.register;
                    resumed++;
                }
                if (to == RESUMING) {
                    at = 0;
                    broken = false;
                    register = 0; // it is reset
                }
                user.set(to);
                state = to;
                quiesced += to == RUNNING_P2P ? 1 : 0;
            }
        }

        private void write() throws Exception {
            if (state != RESUMING) {
                user.client().refused(Errno.EINVAL, Commands.MIG_DATA_WRITE, Migrating.dataWrite((byte) 0));
                return;
            }
            if (broken) {
                user.client().refused(Errno.EINVAL, Commands.MIG_DATA_WRITE, Migrating.dataWrite((byte) 0));
                return;
            }
            if (random.nextInt(12) == 0) {
                byte[] rubbish = new byte[4]; // a frame of no bytes, unless it is within another one
                if (at == 0) {
                    user.client().refused(Errno.EINVAL, Commands.MIG_DATA_WRITE, Migrating.dataWrite(rubbish));
                    broken = true;
                    return;
                }
            }
            int end = random.nextInt(3) == 0
                    ? written.stream.length
                    : Math.min(written.stream.length, at + random.nextInt(3000));
            user.write(Arrays.copyOfRange(written.stream, at, end));
            at = end;
        }

        private void read() throws Exception {
            if (state != STOP_COPY) {
                user.client().refused(Errno.EINVAL, Commands.MIG_DATA_READ, Migrating.dataRead(16, 8));
                return;
            }
            // The stream from its beginning: what was read of it earlier is not known here.
            set(STOP);
            set(STOP_COPY);
            byte[] stream = user.readAll(() -> 1 + random.nextInt(5000));
            saved = new Saved(stream, register);
            if (random.nextBoolean()) {
                written = saved;
            }
        }

        private void access() throws Exception {
            if (state != RUNNING && state != RUNNING_P2P) {
                user.client().refused(Errno.EBUSY, Commands.REGION_WRITE, Requests.write(BAR0, 0, (byte) 1));
                return;
            }
            assertArrayEquals(new byte[] {register}, user.client().read(BAR0, 0, 1));
            register = (byte) random.nextInt();
            user.client().write(BAR0, 0, register);
            user.client().read(VfioPci.CONFIG_REGION, 0, 4);
        }

        private void reset() throws Exception {
            user.client().ok(Commands.RESET, new Payload());
            state = RUNNING;
            register = 0;
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void deviceIsAsItsModel(long seed) throws Exception {
        StatefulCard card = seed % 2 == 0 ? new QuiescentCard() : new StatefulCard();
        try (Rig rig = new Rig(card)) {
            Migrating user = new Migrating(rig.client());
            Model model =
                    new Model(new Random(seed), user, card instanceof QuiescentCard, new Saved(user.save(), (byte) 0));
            for (int i = 0; i < STEPS; i++) {
                model.step();
            }
            assertTrue(model.resumed > 0, "a stream was restored");
            assertTrue(!(card instanceof QuiescentCard) || model.quiesced > 0, "RUNNING_P2P was entered");
            assertEquals(0, card.violations.get());
        }
    }

    /** A client that sends what it likes ends in a device that the next one can use. */
    @Test
    void walksThatEndAnywhereLeaveTheDeviceUsable() throws Exception {
        StatefulCard card = new QuiescentCard();
        try (Rig rig = new Rig(card)) {
            for (long seed = 100; seed < 130; seed++) {
                Client client = rig.served();
                Migrating user = new Migrating(client);
                assertEquals(RUNNING, user.state(), "seed " + seed);
                byte register = client.read(BAR0, 0, 1)[0];
                Model model = new Model(new Random(seed), user, true, new Saved(user.save(), register));
                model.register = register;
                for (int i = 0; i < seed - 98; i++) {
                    model.step();
                }
                client.close();
            }
            rig.requireServing();
            assertEquals(0, card.violations.get());
        }
    }
}
