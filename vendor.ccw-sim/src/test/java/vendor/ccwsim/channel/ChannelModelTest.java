package vendor.ccwsim.channel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.DmaAccess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/**
 * Random programs have the same results as in {@link PlainChannel}, also if they are saved and continued on the way.
 */
final class ChannelModelTest {
    private static final int PAGES = 64;
    private static final int PROGRAM = 0x1000;
    private static final int CCWS = 24;
    private static final int IDAL = 0x3000;
    private static final int DATA = 0x10000;
    private static final int DATA_PAGES = 16;
    private static final int READ_ONLY = 20;
    private static final int WRITE_ONLY = 25;

    private static final int[] COMMANDS = {0x01, 0x02, 0x02, 0x01, 0x07, 0x03, 0x04, 0xe4, 0x41, 0x63, 0x0a};
    private static final int CE_DE = ScriptedDevice.CE_DE;

    @Test
    void endsAsThePlainChannel(TestReporter reporter) {
        long seed = Long.getLong("ccw.seed", System.nanoTime());
        reporter.publishEntry("ccw.seed", Long.toString(seed));
        var seconds = Duration.ofSeconds(Long.parseLong(System.getenv().getOrDefault("MDEV_STRESS_SECONDS", "3")));
        long end = System.nanoTime() + seconds.toNanos();
        int compared = 0;
        int programs = 0;
        do {
            // A program has its own seed, so that a failure can be repeated with it alone.
            compared += compare(seed + programs) ? 1 : 0;
            programs++;
        } while (System.nanoTime() - end < 0);
        reporter.publishEntry("ccw.programs", Integer.toString(programs));
        assertTrue(compared > programs / 2, compared + " of " + programs + " programs could be compared");
    }

    private static boolean compare(long seed) {
        String told = "run with -Dccw.seed=" + seed;
        var random = new SplittableRandom(seed);
        Orb orb = orb(random);
        List<Reply> script = script(random);
        var plain = memory(seed, orb);
        var model = new PlainChannel(plain, orb, script);
        String expected;
        try {
            expected = model.run();
        } catch (PlainChannel.BeyondCopy _) {
            return false;
        }
        var memory = memory(seed, orb);
        var device = new ScriptedDevice(script);
        List<Irb> intermediate = new ArrayList<>();
        Scsw scsw;
        try {
            scsw = run(memory, orb, device, intermediate).scsw();
        } catch (ErrnoException e) {
            throw new AssertionError(told, e);
        }
        assertEquals(expected, "%x %x %x %d".formatted(scsw.dstat(), scsw.cstat(), scsw.cpa(), scsw.count()), told);
        assertEquals(model.commands, device.commands(), told);
        assertEquals(
                model.intermediate,
                intermediate.stream().map(ChannelModelTest::text).toList(),
                told);
        byte[] received = model.received.toByteArray();
        // A device that is stopped in a transfer does not get its first bytes either.
        boolean checked = (scsw.cstat() & ~SubchannelStatus.INCORRECT_LENGTH) != 0;
        assertArrayEquals(
                checked ? Arrays.copyOf(received, device.received().length) : received, device.received(), told);
        assertEquals(-1, plain.bytes.mismatch(memory.bytes), told);
        return true;
    }

    /** Continues in a new object each time that the device waits. */
    private static Irb run(GuestMemory memory, Orb orb, ScriptedDevice device, List<Irb> intermediate)
            throws ErrnoException {
        GuestMemory mapped = memory;
        DeviceState state = null;
        Irb irb = null;
        while (irb == null) {
            try (var program =
                    state == null ? ChannelProgram.fetch(orb, mapped) : ChannelProgram.restore(state, mapped)) {
                try {
                    irb = program.execute(device, intermediate::add);
                } catch (InterruptedException _) {
                    state = program.save();
                }
            }
            assertEquals(0, mapped.pins());
            mapped = memory.again();
        }
        return irb;
    }

    private static String text(Irb irb) {
        Scsw scsw = irb.scsw();
        return (scsw.has(Scsw.ZCC) ? "Z " : "")
                + (scsw.cstat() == SubchannelStatus.PCI ? "PCI " : "")
                + Integer.toHexString(scsw.cpa()) + " " + scsw.count();
    }

    private static Orb orb(SplittableRandom random) {
        int flags = Orb.PFCH | Orb.C64;
        flags |= random.nextInt(4) == 0 ? 0 : Orb.FMT;
        flags |= random.nextBoolean() ? Orb.ILS : 0;
        flags |= random.nextInt(4) == 0 ? Orb.ISIC : 0;
        return new Orb(0, flags, PROGRAM + 8 * random.nextInt(3) + (random.nextInt(50) == 0 ? 4 : 0));
    }

    private static List<Reply> script(SplittableRandom random) {
        List<Reply> script = new ArrayList<>();
        int length = random.nextInt(1, 40);
        for (int i = 0; i < length; i++) {
            int bytes = random.nextInt(5) == 0 ? -1 : size(random);
            int chunk = random.nextBoolean() ? Integer.MAX_VALUE : random.nextInt(1, 5000);
            int status = CE_DE | (random.nextInt(6) == 0 ? DeviceStatus.STATUS_MODIFIER : 0);
            status |= random.nextInt(30) == 0 ? DeviceStatus.UNIT_CHECK : 0;
            script.add(new Reply(bytes, chunk, status, random.nextInt(10) == 0 ? random.nextInt(1, 3) : 0));
        }
        script.add(Reply.status(0, CE_DE | DeviceStatus.UNIT_EXCEPTION));
        return script;
    }

    /** Most are a count that CCWs have as well. */
    private static int size(SplittableRandom random) {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextInt(10000);
            case 1 -> 8;
            case 2 -> 16;
            default -> random.nextInt(1, 5) * 8;
        };
    }

    private static GuestMemory memory(long seed, Orb orb) {
        var random = new SplittableRandom(seed ^ 0x5eed);
        var memory = new GuestMemory(PAGES);
        byte[] noise = new byte[DATA_PAGES * DmaAccess.PAGE_SIZE];
        random.nextBytes(noise);
        memory.bytes.asSlice(DATA, noise.length).copyFrom(MemorySegment.ofArray(noise));
        memory.map(READ_ONLY, DmaAccess.IOMMU_READ);
        memory.map(WRITE_ONLY, DmaAccess.IOMMU_WRITE);
        var program = new ProgramBuilder(memory, orb.has(Orb.FMT), PROGRAM);
        for (int i = 0; i < CCWS; i++) {
            ccw(program, random, i);
        }
        return memory;
    }

    private static void ccw(ProgramBuilder program, SplittableRandom random, int index) {
        if (random.nextInt(7) == 0) {
            int target = PROGRAM + 8 * random.nextInt(CCWS) + (random.nextInt(40) == 0 ? 4 : 0);
            program.ccw(Ccw.TIC, random.nextInt(40) == 0 ? Ccw.SLI : 0, 0, target);
            return;
        }
        int command = random.nextInt(40) == 0 ? random.nextInt(256) : COMMANDS[random.nextInt(COMMANDS.length)];
        if (!program.isFormat1() && (command & 0xf) == Ccw.TIC) {
            command++; // its address would be one of CCWs
        }
        int count = random.nextInt(30) == 0 ? 0 : size(random);
        int flags = random.nextInt(8) == 0 ? 0 : Ccw.CC;
        flags |= random.nextInt(4) == 0 ? Ccw.CD : 0;
        flags |= random.nextInt(3) == 0 ? 0 : Ccw.SLI;
        flags |= random.nextInt(8) == 0 ? Ccw.SKIP : 0;
        flags |= random.nextInt(8) == 0 ? Ccw.PCI : 0;
        flags |= random.nextInt(60) == 0 ? Ccw.SUSPEND : 0;
        flags |= random.nextInt(60) == 0 ? Ccw.MIDA : 0;
        int cda = address(random);
        if (random.nextInt(4) == 0) {
            flags |= Ccw.IDA;
            cda = IDAL + 32 * index + (random.nextInt(20) == 0 ? 4 : 0);
            program.idaws(IDAL + 32 * index, address(random), page(random), page(random), page(random));
        }
        boolean tooHigh = program.isFormat1() && random.nextInt(60) == 0;
        program.ccw(command, flags, count, tooHigh ? cda | 1 << 31 : cda);
    }

    private static int address(SplittableRandom random) {
        return page(random) + random.nextInt(DmaAccess.PAGE_SIZE);
    }

    private static int page(SplittableRandom random) {
        int page = DATA + DmaAccess.PAGE_SIZE * random.nextInt(DATA_PAGES);
        return random.nextInt(40) == 0 ? page + 1 : page;
    }
}
