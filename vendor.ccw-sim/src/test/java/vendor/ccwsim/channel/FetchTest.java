package vendor.ccwsim.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.PinnedPage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import vendor.ccwsim.channel.ScriptedDevice.Reply;

/** What is copied and pinned, when, and which programs are refused: vfio_ccw_cp.c of Linux 5.10. */
final class FetchTest {
    private static final int P = 0x1000;
    private static final int DATA = 0x4000;
    private static final int IDAL = 0x3000;
    private static final int HOLE = 0xa000;
    private static final int END = 0x10000;

    private final GuestMemory memory = new GuestMemory(END / DmaAccess.PAGE_SIZE);

    record Refusal(String title, int orb, int without, Consumer<ProgramBuilder> program, Errno errno) {
        @Override
        public String toString() {
            return title;
        }
    }

    static Stream<Refusal> refused() {
        return Stream.of(
                new Refusal("transport mode", Orb.TRANSPORT_MODE, 0, p -> p.ccw(Ccw.NOOP, 0, 1, 0), Errno.EOPNOTSUPP),
                new Refusal("format-1 IDAWs", 0, Orb.C64, p -> p.ccw(Ccw.READ, Ccw.IDA, 1, IDAL), Errno.EOPNOTSUPP),
                new Refusal("blocks of 2 KiB", Orb.I2K, 0, p -> p.ccw(Ccw.READ, Ccw.IDA, 1, IDAL), Errno.EOPNOTSUPP),
                new Refusal("a chain of 257", 0, 0, p -> nops(p, 257), Errno.EINVAL),
                new Refusal("65 chains", 0, 0, p -> chains(p, 65), Errno.ENOMEM),
                new Refusal("more than 64 MiB", 0, 0, p -> pages(p, (1 << 14) + 1), Errno.ENOMEM),
                new Refusal(
                        "CCWs not mapped",
                        0,
                        0,
                        p -> p.at(HOLE - 8)
                                .ccw(Ccw.NOOP, Ccw.CC, 1, 0)
                                .at(P)
                                .ccw(Ccw.NOOP, Ccw.CC, 1, 0)
                                .tic(HOLE - 8),
                        Errno.EINVAL),
                new Refusal("IDAWs not mapped", 0, 0, p -> p.ccw(Ccw.READ, Ccw.IDA, 1, HOLE), Errno.EINVAL),
                new Refusal(
                        "an IDAW not mapped",
                        0,
                        0,
                        p -> p.idaws(IDAL, DATA, HOLE).ccw(Ccw.READ, Ccw.IDA, 0x1001, IDAL),
                        Errno.EINVAL),
                new Refusal(
                        "data not mapped, after some that are",
                        0,
                        0,
                        p -> p.ccw(Ccw.READ, Ccw.CC, 0x3000, DATA).ccw(Ccw.WRITE, 0, 2, HOLE - 1),
                        Errno.EINVAL),
                new Refusal(
                        "data not mapped, after a page that is read-only",
                        0,
                        0,
                        p -> p.ccw(Ccw.READ, 0, 0x2000, 0x8800),
                        Errno.EINVAL));
    }

    private static void nops(ProgramBuilder program, int count) {
        for (int i = 0; i < count; i++) {
            program.ccw(Ccw.NOOP, i == count - 1 ? 0 : Ccw.CC, 1, 0);
        }
    }

    private static void chains(ProgramBuilder program, int count) {
        for (int i = 1; i < count; i++) {
            program.ccw(Ccw.NOOP, Ccw.CC, 1, 0).tic(P + 32 * i).at(P + 32 * i);
        }
        program.ccw(Ccw.NOOP, 0, 1, 0);
    }

    /** Commands for a number of pages of data, 16 each and always the same, in chains of 240. */
    private static void pages(ProgramBuilder program, int count) {
        long[] list = new long[16];
        Arrays.fill(list, DATA);
        program.idaws(0x9000, list);
        for (int i = 0; 16 * i < count; i++) {
            if (i % 240 == 0) {
                int chain = P + i / 240 * 0x800;
                program.tic(chain).at(chain);
            }
            int left = Math.min(16, count - 16 * i);
            program.ccw(Ccw.WRITE, Ccw.CC | Ccw.IDA, left * DmaAccess.PAGE_SIZE - 1, 0x9000);
        }
        program.ccw(Ccw.NOOP, 0, 1, 0);
    }

    @ParameterizedTest
    @MethodSource
    void refused(Refusal refusal) {
        memory.map(8, DmaAccess.IOMMU_READ);
        var program = new ProgramBuilder(memory, true, P);
        refusal.program.accept(program);
        memory.unmap(HOLE / DmaAccess.PAGE_SIZE);
        Orb full = program.orb(refusal.orb);
        var orb = new Orb(0, full.control() & ~refusal.without, P);
        var e = assertThrows(ErrnoException.class, () -> ChannelProgram.fetch(orb, memory));
        assertEquals(refusal.errno, e.errno(), e.getMessage());
        assertEquals(0, memory.pins());
    }

    static Stream<Arguments> mostOfAll() {
        Consumer<ProgramBuilder> chains = p -> chains(p, 64);
        Consumer<ProgramBuilder> pages = p -> pages(p, 1 << 14);
        return Stream.of(arguments("64 chains", chains), arguments("64 MiB", pages));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void mostOfAll(String title, Consumer<ProgramBuilder> commands) throws ErrnoException {
        var program = new ProgramBuilder(memory, true, P);
        commands.accept(program);
        ChannelProgram.fetch(program.orb(0), memory).close();
        assertEquals(0, memory.pins());
    }

    /** Only one to a CCW before it in its chain can be skipped by a status modifier. */
    @ParameterizedTest
    @ValueSource(ints = {P, 0xb000})
    void transferOutOfAChainIsItsEnd(int target) throws ErrnoException {
        var program = new ProgramBuilder(memory, true, HOLE - 16)
                .ccw(Ccw.NOOP, Ccw.CC, 1, 0)
                .tic(target)
                .at(target)
                .ccw(Ccw.NOOP, 0, 1, 0);
        memory.unmap(HOLE / DmaAccess.PAGE_SIZE);
        ChannelProgram.fetch(program.orb(0), memory).close();
        assertEquals(0, memory.pins());
    }

    /** Neither its CCWs nor, although there is a count, its data: it is a program check, if the program gets there. */
    @Test
    void targetOfAnInvalidTransferIsNotFetched() throws ErrnoException {
        var program =
                new ProgramBuilder(memory, true, P).ccw(Ccw.NOOP, Ccw.CC, 1, 0).ccw(Ccw.TIC, 0, 1, HOLE);
        memory.unmap(HOLE / DmaAccess.PAGE_SIZE);
        ChannelProgram.fetch(program.orb(0), memory).close();
        assertEquals(0, memory.pins());
    }

    /** 256 CCWs are a chain; a program at the end of the memory is one, too; prefetch is not asked for (5.10). */
    @Test
    void accepted() throws ErrnoException {
        var program = new ProgramBuilder(memory, true, END - 256 * Ccw.SIZE);
        nops(program, 256);
        var orb = new Orb(0, program.orb(0).control() & ~Orb.PFCH, END - 256 * Ccw.SIZE);
        ChannelProgram.fetch(orb, memory).close();
        assertEquals(0, memory.pins());
    }

    /** Data and the pages of an indirect list are pinned from the fetch until the end; CCWs and lists only for it. */
    @Test
    void pinsWhileItExists() throws ErrnoException {
        var program = new ProgramBuilder(memory, true, P)
                .idaws(IDAL, 0x7ff0, 0x5000)
                .ccw(Ccw.WRITE, Ccw.CC, 0x20, 0x4ff0)
                .ccw(Ccw.READ, Ccw.IDA | Ccw.CC, 0x20, IDAL)
                .ccw(Ccw.NOOP, Ccw.CC, 1, HOLE)
                .ccw(Ccw.READ, Ccw.SKIP | Ccw.CC, 1, HOLE)
                .ccw(Ccw.WRITE, 0, 0, HOLE);
        memory.unmap(HOLE / DmaAccess.PAGE_SIZE);
        var fetched = ChannelProgram.fetch(program.orb(0), memory);
        assertEquals(4, memory.pins());
        for (int page : new int[] {0x4000, 0x5000, 0x7000}) {
            assertTrue(memory.isPinned(page));
            assertTrue(fetched.pins(page, 1));
        }
        assertFalse(fetched.pins(P, 0x3000));
        assertFalse(fetched.pins(0x8000, 0x2000));
        assertTrue(fetched.pins(0, END));
        assertFalse(fetched.pins(0x4010, 0));
        fetched.close();
        fetched.close();
        assertEquals(0, memory.pins());
    }

    /** Pages that the user unmaps have lost their pins; the others of the program still need to be unpinned. */
    @Test
    void unpinsAroundPagesThatWereUnmapped() throws ErrnoException {
        var program = new ProgramBuilder(memory, true, P).ccw(Ccw.WRITE, 0, 0x5000, DATA);
        var fetched = ChannelProgram.fetch(program.orb(0), memory);
        assertEquals(5, memory.pins());
        for (int page : new int[] {4, 6, 8}) {
            memory.unmap(page);
        }
        fetched.close();
        assertEquals(0, memory.pins());
    }

    /** The program is as it was when it was started, whatever its user does to it since. */
    @Test
    void executesTheCopy() throws ErrnoException, InterruptedException {
        var program = new ProgramBuilder(memory, true, P).idaws(IDAL, DATA).ccw(Ccw.READ, Ccw.IDA, 4, IDAL);
        var device = new ScriptedDevice(List.of(Reply.of(4)));
        try (var fetched = ChannelProgram.fetch(program.orb(0), memory)) {
            program.idaws(IDAL, 0x5000).at(P).ccw(0, 0, 0, 0);
            assertEquals(
                    ScriptedDevice.CE_DE,
                    fetched.execute(device, _ -> {}).scsw().dstat());
        }
        assertEquals(ScriptedDevice.pattern(0), memory.bytes.get(ValueLayout.JAVA_BYTE, DATA));
        assertEquals(0, memory.bytes.get(ValueLayout.JAVA_BYTE, 0x5000));
    }

    /** The first IDAW is read twice: it says how many there are, and the user changes it once it has been read. */
    @Test
    void firstIdawIsTheOneThatWasCounted() throws ErrnoException, InterruptedException {
        var program = new ProgramBuilder(memory, true, P).idaws(IDAL, DATA).ccw(Ccw.READ, Ccw.IDA, 4, IDAL);
        var racing = new DmaAccess() {
            @Override
            public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
                return memory.pinPages(userPfn, prot);
            }

            @Override
            public int unpinPages(long[] userPfn) throws ErrnoException {
                if (userPfn[0] == ChannelPins.pfn(IDAL)) {
                    program.idaws(IDAL, 0x5ffe); // of two pages
                }
                return memory.unpinPages(userPfn);
            }
        };
        var device = new ScriptedDevice(List.of(Reply.of(4)));
        try (var fetched = ChannelProgram.fetch(program.orb(0), racing)) {
            assertEquals(0, fetched.execute(device, _ -> {}).scsw().cstat());
        }
        assertEquals(ScriptedDevice.pattern(0), memory.bytes.get(ValueLayout.JAVA_BYTE, DATA));
    }

    /** So does one that another object continues. */
    @Test
    void continuesTheCopy() throws ErrnoException, InterruptedException {
        var program = new ProgramBuilder(memory, true, P)
                .idaws(IDAL, DATA)
                .ccw(Ccw.WRITE, Ccw.CC, 4, DATA)
                .ccw(Ccw.READ, Ccw.PCI | Ccw.IDA, 4, IDAL);
        var device = new ScriptedDevice(List.of(Reply.of(4), new Reply(4, 4, ScriptedDevice.CE_DE, 1)));
        DeviceState state;
        try (var fetched = ChannelProgram.fetch(program.orb(0), memory)) {
            assertThrows(InterruptedException.class, () -> fetched.execute(device, _ -> {}));
            state = fetched.save();
        }
        program.at(P).ccw(0, 0, 0, 0).ccw(0, 0, 0, 0).idaws(IDAL, 0x5000);
        var mapped = memory.again();
        try (var restored = ChannelProgram.restore(state, mapped)) {
            assertEquals(2, mapped.pins());
            assertFalse(restored.pins(0x5000, 1));
            Scsw scsw = restored.execute(device, irb -> {
                        throw new AssertionError("presented again " + irb);
                    })
                    .scsw();
            assertEquals(ScriptedDevice.CE_DE, scsw.dstat());
            assertEquals(P + 16, scsw.cpa());
        }
        assertEquals(List.of(Ccw.WRITE, Ccw.READ), device.commands());
        assertEquals(0, mapped.pins());
    }

    @ParameterizedTest
    @MethodSource("damaged")
    void refusesDamagedState(DeviceState state) {
        var e = assertThrows(ErrnoException.class, () -> ChannelProgram.restore(state, memory));
        assertEquals(Errno.EINVAL, e.errno());
        assertEquals(0, memory.pins());
    }

    static Stream<DeviceState> damaged() throws ErrnoException {
        var memory = new GuestMemory(END / DmaAccess.PAGE_SIZE);
        var program = new ProgramBuilder(memory, true, P).ccw(Ccw.READ, 0, 4, DATA);
        DeviceState good;
        try (var fetched = ChannelProgram.fetch(program.orb(0), memory)) {
            good = fetched.save();
        }
        return Stream.of(
                changed(good, "orb", new byte[11]),
                changed(good, "orb", new byte[13]),
                changed(good, "ccws", new byte[13]),
                changed(good, "ccws", idaws(18)),
                changed(good, "ccws", new byte[14 * (64 * 256 + 1)]),
                changed(good, "ccws", new byte[] {0, 0, 0x10, 0, 2, 0, 0, 4, 0, 0, 0x40, 0, 1, 18}),
                changed(good, "idle", 257L),
                changed(good, "next", "first"));
    }

    /** A CCW with a number of IDAWs. */
    private static byte[] idaws(int count) {
        byte[] ccw = new byte[14 + 8 * count];
        ccw[13] = (byte) count;
        return ccw;
    }

    private static DeviceState changed(DeviceState state, String field, Object value) {
        var fields = new LinkedHashMap<>(state.fields());
        fields.put(field, value);
        return new DeviceState(state.version(), fields);
    }
}
