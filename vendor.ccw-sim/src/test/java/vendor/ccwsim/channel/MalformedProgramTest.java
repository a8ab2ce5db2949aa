package vendor.ccwsim.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.DmaAccess;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/** Random bytes as channel programs end by a status or a declared errno, and leave no page pinned. */
final class MalformedProgramTest {
    private static final int PAGES = 32;
    private static final int PROGRAMS = 2000;
    private static final Set<Errno> DECLARED =
            EnumSet.of(Errno.EOPNOTSUPP, Errno.EINVAL, Errno.EFAULT, Errno.EPERM, Errno.ENOMEM);

    private int started;
    private int refused;

    /** @param tame of 8 bits, those whose noise is kept in CCWs: with fewer, more of a program is valid */
    @ParameterizedTest
    @ValueSource(ints = {0xff, 0x7f})
    void endsOrIsRefused(int tame, TestReporter reporter) {
        long seed = Long.getLong("ccw.seed", System.nanoTime());
        reporter.publishEntry("ccw.seed", Long.toString(seed));
        var random = new SplittableRandom(seed);
        for (int i = 0; i < PROGRAMS; i++) {
            var memory = memory(random, tame);
            int control = random.nextInt() | Orb.C64 | Orb.PFCH;
            var orb = new Orb(0, control & ~(Orb.SPND | Orb.I2K), random.nextInt(PAGES * DmaAccess.PAGE_SIZE) & -8);
            run(memory, random.nextInt(8) == 0 ? orb : new Orb(0, orb.control() & ~Orb.TRANSPORT_MODE, orb.cpa()));
            assertEquals(0, memory.pins(), "seed " + seed + ", program " + i);
        }
        assertTrue(started > 0 && refused > 0, started + " started, " + refused + " refused");
    }

    private void run(GuestMemory memory, Orb orb) {
        var device = new ScriptedDevice(List.of(Reply.of(100), Reply.of(-1), Reply.of(5000), Reply.of(1)));
        List<Irb> intermediate = new ArrayList<>();
        try (var program = ChannelProgram.fetch(orb, memory)) {
            // A program that loops with data is ended from outside.
            Scsw scsw = program.execute(new Impatient(device, program), intermediate::add)
                    .scsw();
            assertTrue((scsw.stctl() & Scsw.STCTL_STATUS_PEND) != 0);
            started++;
        } catch (ErrnoException e) {
            assertTrue(DECLARED.contains(e.errno()), e.toString());
            refused++;
        } catch (InterruptedException _) {
            started++;
        }
    }

    private static GuestMemory memory(SplittableRandom random, int tame) {
        var memory = new GuestMemory(PAGES);
        for (int page = 0; page < PAGES; page++) {
            memory.map(page, random.nextInt(12) == 0 ? random.nextInt(-1, 4) : 3);
        }
        byte[] noise = new byte[PAGES * DmaAccess.PAGE_SIZE];
        random.nextBytes(noise);
        // Addresses of the memory, more often than chance has them: the high bytes of format 1 and of format 0.
        IntStream.range(0, noise.length / 8).forEach(i -> {
            noise[8 * i + 4] &= (byte) ~tame;
            noise[8 * i + 5] &= random.nextInt(4) == 0 ? (byte) 0xff : 1;
            noise[8 * i + 7] &= random.nextBoolean() ? (byte) 0xff : (byte) 0xf8;
            noise[8 * i + 1] &= random.nextBoolean() ? (byte) 0xff : 0x40;
        });
        memory.bytes.copyFrom(MemorySegment.ofArray(noise));
        return memory;
    }

    /** Interrupts the program after some commands. */
    private record Impatient(ScriptedDevice device, ChannelProgram program) implements CcwDevice {
        private static final int COMMANDS = 1000;

        @Override
        public int execute(int command, DataTransfer transfer) throws TransferEndedException, InterruptedException {
            if (device.commands().size() > COMMANDS) {
                program.interrupt();
            }
            return device.execute(command, transfer);
        }

        @Override
        public void interrupt() {
            device.interrupt();
        }

        @Override
        public void proceed() {
            device.proceed();
        }

        @Override
        public void reset() {
            device.reset();
        }

        @Override
        public DeviceState save() {
            return device.save();
        }

        @Override
        public void restore(DeviceState state) {
            device.restore(state);
        }
    }
}
