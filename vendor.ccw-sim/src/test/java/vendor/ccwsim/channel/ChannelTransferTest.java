package vendor.ccwsim.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.PinnedPage;
import org.junit.jupiter.api.Test;

/** A transfer when the user takes its memory away, and when a device errs. */
final class ChannelTransferTest {
    private static final int P = 0x1000;
    private static final int DATA = 0x4000;

    private final GuestMemory memory = new GuestMemory(16);

    /** The memory of a user that unmaps it while pages are pinned: a page that is gone when it is accessed. */
    private final class Vanishing implements DmaAccess, AutoCloseable {
        private final Arena mapping = Arena.ofShared();
        private final long gone;

        /** @param gone the page that goes as soon as it is pinned; -1: none */
        Vanishing(long gone) {
            this.gone = gone;
        }

        @Override
        public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
            memory.pinPages(userPfn, prot);
            List<PinnedPage> pages =
                    Arrays.stream(userPfn).mapToObj(this::mapped).toList();
            if (userPfn[0] == gone) {
                unmap();
            }
            return pages;
        }

        private PinnedPage mapped(long pfn) {
            MemorySegment page = mapping.allocate(PAGE_SIZE);
            return new PinnedPage(pfn, page.copyFrom(memory.bytes.asSlice(pfn * PAGE_SIZE, PAGE_SIZE)));
        }

        @Override
        public int unpinPages(long[] userPfn) throws ErrnoException {
            return memory.unpinPages(userPfn);
        }

        void unmap() {
            if (mapping.scope().isAlive()) {
                mapping.close();
            }
        }

        @Override
        public void close() {
            unmap();
        }
    }

    @Test
    void unmappedDataAreAProgramCheck() throws Exception {
        var program = new ProgramBuilder(memory, true, P).ccw(Ccw.WRITE, 0, 4, DATA);
        try (var user = new Vanishing(-1);
                var fetched = ChannelProgram.fetch(program.orb(0), user)) {
            user.unmap();
            Scsw scsw = fetched.execute(new ScriptedDevice(List.of(ScriptedDevice.Reply.of(4))), _ -> {})
                    .scsw();
            assertEquals(SubchannelStatus.PROGRAM_CHECK, scsw.cstat());
        }
        assertEquals(0, memory.pins());
    }

    @Test
    void programThatIsUnmappedWhileItIsFetchedIsRefused() {
        var program = new ProgramBuilder(memory, true, P).ccw(Ccw.WRITE, 0, 4, DATA);
        try (var user = new Vanishing(ChannelPins.pfn(P))) {
            var refused = assertThrows(ErrnoException.class, () -> ChannelProgram.fetch(program.orb(0), user));
            assertEquals(Errno.EFAULT, refused.errno());
        }
        assertEquals(0, memory.pins());
    }

    /** Page 8 is read-only, so that the pages are pinned one by one; the next fails. */
    @Test
    void pagesBeforeOneThatCannotBePinnedAreUnpinned() {
        memory.map(8, DmaAccess.IOMMU_READ);
        var program = new ProgramBuilder(memory, true, P).ccw(Ccw.WRITE, 0, 0x2000, 0x8000);
        var user = new DmaAccess() {
            @Override
            public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
                if (userPfn[0] == 9) {
                    throw new ErrnoException(Errno.EFAULT);
                }
                return memory.pinPages(userPfn, prot);
            }

            @Override
            public int unpinPages(long[] userPfn) throws ErrnoException {
                return memory.unpinPages(userPfn);
            }
        };
        var refused = assertThrows(ErrnoException.class, () -> ChannelProgram.fetch(program.orb(0), user));
        assertEquals(Errno.EFAULT, refused.errno());
        assertEquals(0, memory.pins());
    }

    /** In format 0: the first byte that has no address is a program check, and no page beyond is pinned. */
    @Test
    void dataEndAtTheLastAddressOfTheFormat() throws Exception {
        var most = new GuestMemory((1 << 24) / DmaAccess.PAGE_SIZE);
        var program = new ProgramBuilder(most, false, P).ccw(Ccw.WRITE, 0, 4, (1 << 24) - 2);
        try (var fetched = ChannelProgram.fetch(program.orb(0), most)) {
            Scsw scsw = fetched.execute(new ScriptedDevice(List.of(ScriptedDevice.Reply.of(4))), _ -> {})
                    .scsw();
            assertEquals(SubchannelStatus.PROGRAM_CHECK, scsw.cstat());
            assertEquals(2, scsw.count());
        }
        assertEquals(0, most.pins());
    }

    /** It is a mistake of the device, not of the program. */
    @Test
    void commandMovesDataInItsDirectionOnly() throws ErrnoException {
        var read = new Step(P, new Ccw(Ccw.READ, 0, 4, DATA), true);
        var write = new Step(P, new Ccw(Ccw.WRITE, 0, 4, DATA), true);
        byte[] data = new byte[4];
        assertThrows(IllegalStateException.class, () -> transfer(read).fromMemory(data, 0, 4));
        assertThrows(IllegalStateException.class, () -> transfer(write).toMemory(data, 0, 4));
    }

    private ChannelTransfer transfer(Step step) {
        var copy = new ProgramCopy(new Orb(0, Orb.FMT, P), memory);
        return new ChannelTransfer(new Cursor(copy), step, _ -> {}, () -> {});
    }
}
