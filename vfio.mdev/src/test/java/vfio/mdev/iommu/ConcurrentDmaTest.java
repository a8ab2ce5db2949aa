package vfio.mdev.iommu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.IntStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.DirtyPages;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.RemoteAccess;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.VfioNotifier;
import mdev.linux.Fd;
import mdev.linux.Mapping;
import mdev.linux.MemFd;
import mdev.linux.Seal;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * Devices access memory while their user maps, unmaps and tracks it. Each test fails without the code that it covers.
 */
class ConcurrentDmaTest {
    private static final int PAGE = 4096;
    private static final int SLOTS = 6;
    private static final int SLOT_PAGES = 4;
    private static final int SLOT = SLOT_PAGES * PAGE;
    private static final long DEADLINE_SECONDS = 120;

    private final UserMemories memories = new UserMemories();
    private final Type1Iommu iommu = new Type1Iommu("type1v2", true, memories, new BoundedCalls("notifier"));
    private final ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final AtomicLong transfers = new AtomicLong();
    private volatile boolean done;

    @AfterEach
    void release() {
        iommu.release();
        assertEquals(0, memories.numbers().size());
        assertEquals(0, memories.openFiles());
    }

    @FunctionalInterface
    private interface Work {
        void run(RandomGenerator random) throws Exception;
    }

    /** Repeats work on a separate thread until the end of the test. */
    private Thread start(String name, Work work) {
        return Thread.ofPlatform().daemon().name(name).start(() -> {
            RandomGenerator random = RandomGeneratorFactory.getDefault().create(name.hashCode());
            try {
                while (!done) {
                    work.run(random);
                }
            } catch (Throwable t) {
                failures.add(t);
            }
        });
    }

    private void finish(List<Thread> workers) throws InterruptedException {
        done = true;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        for (Thread worker : workers) {
            worker.join(TimeUnit.NANOSECONDS.toMillis(Math.max(1, deadline - System.nanoTime())));
            assertFalse(worker.isAlive(), () -> worker.getName() + " does not end: " + List.of(worker.getStackTrace()));
        }
        assertEquals(List.of(), List.copyOf(failures));
    }

    /**
     * A page of memory that its user reclaims after the unmap: a later write is detected through the check and the
     * page's bytes.
     */
    @Test
    void noAccessAfterUnmap() throws Exception {
        try (Fd memfd = MemFd.create("user", SLOTS * SLOT, Seal.SHRINK);
                Mapping user = Mapping.of(memfd, 0, SLOTS * SLOT, Mapping.Protection.READ_WRITE)) {
            DmaAttachment vendor = iommu.attachDevice("obedient");
            ConcurrentLinkedQueue<DmaRange> ranges = new ConcurrentLinkedQueue<>();
            vendor.registerNotifier((VfioNotifier.DmaUnmap) (iova, size) -> unpinAll(vendor, iova, size, ranges));
            DmaAttachment stubborn = iommu.attachDevice("stubborn");
            List<Thread> workers = List.of(
                    start("dma-1", random -> transfer(vendor, random)),
                    start("dma-2", random -> transfer(stubborn, random)),
                    start("pin", random -> pin(vendor, random)),
                    start("range", random -> range(vendor, random, ranges)),
                    start("stubborn", random -> pin(stubborn, random)));
            RandomGenerator random = RandomGeneratorFactory.getDefault().create(1);
            Revocable[] remote = new Revocable[SLOTS];
            for (int round = 0; (round < 1500 || transfers.get() < 10_000) && failures.isEmpty(); round++) {
                int slot = random.nextInt(SLOTS);
                MemorySegment bytes = user.segment().asSlice((long) slot * SLOT, SLOT);
                if (unmap(slot)) {
                    bytes.fill((byte) 0);
                    if (remote[slot] != null) {
                        remote[slot].revoked = true;
                    }
                } else {
                    for (int at = 0; at < SLOT; at++) {
                        assertEquals(0, bytes.get(JAVA_BYTE, at), "written after it was unmapped");
                    }
                    remote[slot] = slot % 2 == 0 ? new Revocable() : null;
                    map(
                            slot,
                            remote[slot] == null
                                    ? Users.file(memfd, (long) slot * SLOT)
                                    : new UserMemory.Remote((long) slot * SLOT, remote[slot]));
                }
            }
            finish(workers);
            assertTrue(transfers.get() >= 10_000, () -> "transfers: " + transfers);
        }
    }

    /** Remote memory; its user declares when it must no longer be accessed. */
    private final class Revocable implements RemoteAccess {
        volatile boolean revoked;

        @Override
        public void read(long address, MemorySegment data, long offset, long length) {
            check();
            LockSupport.parkNanos(1_000);
            check();
        }

        @Override
        public void write(long address, MemorySegment data, long offset, long length) {
            read(address, data, offset, length);
        }

        private void check() {
            if (revoked) {
                failures.add(new AssertionError("reached after it was unmapped"));
            }
        }
    }

    /**
     * Live migrations: the final copy contains all device writes made while pages were copied. In each migration every
     * page is written once, so that a later write cannot hide an unreported page.
     */
    @Test
    void noWrittenPageIsLost() throws Exception {
        int pages = 256;
        int size = pages * PAGE;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(size, PAGE);
            MemorySegment copy = arena.allocate(size, PAGE);
            // One half is like a virtual machine's memory, the other belongs to a slow process.
            iommu.ioctl(new MapDma(3, new UserMemory.Local(memory), 0, size / 2));
            iommu.ioctl(new MapDma(3, new UserMemory.Remote(size / 2, slow(memory)), size / 2, size / 2));
            DmaAttachment vendor = iommu.attachDevice("vendor");
            vendor.registerNotifier(Users.ignoresUnmap());
            MemorySegment bits = arena.allocate(DirtyBitmap.bytes(pages));
            List<Integer> order =
                    new ArrayList<>(IntStream.range(0, pages).boxed().toList());
            Random random = new Random(1);
            for (int migration = 0; migration < 100 && failures.isEmpty(); migration++) {
                Collections.shuffle(order, random);
                iommu.ioctl(DirtyPages.start());
                MemorySegment.copy(memory, 0, copy, 0, size);
                byte value = (byte) (migration + 1);
                List<Thread> writers = List.of(
                        once("writer-1", () -> writeEach(vendor, order.subList(0, pages / 2), value)),
                        once("writer-2", () -> writeEach(vendor, order.subList(pages / 2, pages), value)));
                while (writers.stream().anyMatch(Thread::isAlive)) {
                    iommu.ioctl(DirtyPages.get(0, size, new DirtyBitmap(PAGE, bits)));
                    copyWritten(bits, memory, copy);
                }
                if (migration % 2 == 0) {
                    iommu.ioctl(DirtyPages.get(0, size, new DirtyBitmap(PAGE, bits)));
                } else {
                    iommu.ioctl(new UnmapDma(UnmapDma.GET_DIRTY_BITMAP, 0, size, new DirtyBitmap(PAGE, bits)));
                    iommu.ioctl(new MapDma(3, new UserMemory.Local(memory), 0, size / 2));
                    iommu.ioctl(new MapDma(3, new UserMemory.Remote(size / 2, slow(memory)), size / 2, size / 2));
                }
                copyWritten(bits, memory, copy);
                assertEquals(-1, memory.mismatch(copy), "written and not reported");
                assertEquals(value, memory.get(JAVA_BYTE, size - 1));
                iommu.ioctl(DirtyPages.stop());
            }
            assertEquals(List.of(), List.copyOf(failures));
        }
    }

    private Thread once(String name, Executable work) {
        return Thread.ofPlatform().daemon().name(name).start(() -> {
            try {
                work.execute();
            } catch (Throwable t) {
                failures.add(t);
            }
        });
    }

    private static RemoteAccess slow(MemorySegment memory) {
        RemoteAccess fast = Users.process(memory);
        return new RemoteAccess() {
            @Override
            public void read(long address, MemorySegment data, long offset, long length) throws ErrnoException {
                fast.read(address, data, offset, length);
            }

            @Override
            public void write(long address, MemorySegment data, long offset, long length) throws ErrnoException {
                LockSupport.parkNanos(20_000);
                fast.write(address, data, offset, length);
            }
        };
    }

    /** By DMA, through a pin and through a range in turn. */
    private static void writeEach(DmaAttachment vendor, List<Integer> pages, byte value) throws ErrnoException {
        byte[] bytes = new byte[PAGE];
        Arrays.fill(bytes, value);
        int half = 128;
        for (int page : pages) {
            if (page >= half || page % 3 == 0) {
                vendor.dmaWrite((long) page * PAGE, MemorySegment.ofArray(bytes), 0, PAGE);
            } else if (page % 3 == 1) {
                long[] pfn = {page};
                MemorySegment view = vendor.pinPages(pfn, 3).getFirst().page();
                LockSupport.parkNanos(20_000);
                view.fill(value);
                vendor.unpinPages(pfn);
            } else {
                try (DmaRange range = vendor.mapRange((long) page * PAGE, PAGE, 3)) {
                    LockSupport.parkNanos(20_000);
                    range.segments().getFirst().fill(value);
                }
            }
        }
    }

    private static void copyWritten(MemorySegment bits, MemorySegment memory, MemorySegment copy) {
        for (int bit = 0; bit < bits.byteSize() * Byte.SIZE; bit++) {
            if ((bits.get(JAVA_LONG, (long) bit / Long.SIZE * Long.BYTES) >>> bit & 1) != 0) {
                long at = (long) bit * PAGE;
                MemorySegment.copy(memory, at, copy, at, PAGE);
            }
        }
    }

    private void map(int slot, UserMemory memory) throws ErrnoException {
        iommu.ioctl(new MapDma(MapDma.READ | MapDma.WRITE, memory, (long) slot * SLOT, SLOT));
    }

    private boolean unmap(int slot) throws ErrnoException {
        return ((UnmapDma.Reply) iommu.ioctl(new UnmapDma((long) slot * SLOT, SLOT))).size() == SLOT;
    }

    private void transfer(DmaAttachment vendor, RandomGenerator random) throws ErrnoException {
        byte[] bytes = new byte[1 + random.nextInt(2 * PAGE)];
        random.nextBytes(bytes);
        long iova = random.nextInt(SLOTS * SLOT - bytes.length);
        try {
            if (random.nextInt(4) == 0) {
                vendor.dmaRead(iova, MemorySegment.ofArray(bytes), 0, bytes.length);
            } else {
                vendor.dmaWrite(iova, MemorySegment.ofArray(bytes), 0, bytes.length);
            }
            transfers.incrementAndGet();
        } catch (ErrnoException e) {
            assertEquals(Errno.EINVAL, e.errno());
        }
    }

    /** Pins some pages, writes them through the views and unpins them, unless the user unmaps first. */
    private void pin(DmaAttachment vendor, RandomGenerator random) {
        long[] pfns = random.longs(3, 0, (long) SLOTS * SLOT_PAGES).toArray();
        try {
            List<PinnedPage> pages = vendor.pinPages(pfns, 3);
            for (PinnedPage page : pages) {
                page.page().fill((byte) random.nextInt());
            }
            vendor.unpinPages(pfns);
        } catch (ErrnoException e) {
            assertTrue(e.errno() == Errno.EINVAL || e.errno() == Errno.EFAULT, e::toString);
        } catch (IllegalStateException e) {
            // unmapped meanwhile
        }
    }

    private void range(DmaAttachment vendor, RandomGenerator random, ConcurrentLinkedQueue<DmaRange> ranges) {
        long iova = random.nextInt(SLOTS * SLOT - 2 * PAGE);
        try (DmaRange range = vendor.mapRange(iova, 1 + random.nextInt(2 * PAGE), 3)) {
            ranges.add(range);
            range.segments().forEach(segment -> segment.fill((byte) random.nextInt()));
            ranges.remove(range);
        } catch (ErrnoException e) {
            assertTrue(e.errno() == Errno.EINVAL || e.errno() == Errno.EFAULT, e::toString);
        } catch (IllegalStateException e) {
            // unmapped meanwhile
        }
    }

    private static void unpinAll(DmaAttachment vendor, long iova, long size, ConcurrentLinkedQueue<DmaRange> ranges) {
        List<DmaRange> all = new ArrayList<>(ranges);
        all.forEach(DmaRange::close);
        for (long page = iova / PAGE; page < (iova + size) / PAGE; page++) {
            try {
                vendor.unpinPages(new long[] {page});
            } catch (ErrnoException e) {
                assertEquals(Errno.EINVAL, e.errno());
            }
        }
    }
}
