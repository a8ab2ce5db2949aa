package vfio.mdev.iommu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.DirtyPages;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.IommuState;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.VfioNotifier;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.Test;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * Random requests against {@link Model}: the same answers, bytes, written pages and notifications.
 * {@code -Dvfio.model.seed} repeats a run, {@code -Dvfio.model.steps} sets its length.
 */
class Type1ModelTest {
    private static final int PAGE = 4096;
    private static final int HALF = Pages.HALF;
    private static final int MEMORY_PAGES = 48;
    private static final int VENDORS = 2;

    private final long seed = Long.getLong("vfio.model.seed", System.nanoTime());
    private final int steps = Integer.getInteger("vfio.model.steps", 120_000);
    private final Random random = new Random(seed);

    private final UserMemories memories = new UserMemories();
    private final Type1Iommu iommu = new Type1Iommu("type1v2", true, memories, new BoundedCalls("notifier"));
    private final DmaAttachment[] vendors = {iommu.attachDevice("a"), iommu.attachDevice("b")};
    private final Model model = new Model(new byte[MEMORY_PAGES * PAGE]);

    private final Map<Model.Range, DmaRange> ranges = new HashMap<>();
    private final List<String> told = new ArrayList<>();
    private final List<View> views = new ArrayList<>();
    private final Map<String, Integer> answers = new HashMap<>();
    private boolean obedient = true;
    private int nextRange;

    /** A vendor that drops all of its pins on DMA_UNMAP, or none. */
    private final VfioNotifier.DmaUnmap notifier = (iova, size) -> {
        told.add("0x%x+0x%x".formatted(iova, size));
        if (obedient) {
            letGo(Pages.of(iova), Pages.of(iova + size - 1));
        }
    };

    private record View(MemorySegment bytes, Model.Mapping mapping) {}

    @FunctionalInterface
    private interface Step {
        void run() throws ErrnoException;
    }

    @Test
    void answersLikeTheModel() throws ErrnoException {
        System.out.println("Type1ModelTest: -Dvfio.model.seed=" + seed + " -Dvfio.model.steps=" + steps);
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate((long) MEMORY_PAGES * PAGE, PAGE);
            for (int i = 0; i < steps; i++) {
                int step = i;
                Supplier<String> where = () -> "step " + step + " of seed " + seed;
                step(memory, where);
                if (i % 1000 == 0) {
                    checkState(where);
                }
            }
            assertArrayEquals(model.memory, memory.toArray(ValueLayout.JAVA_BYTE), "seed " + seed);
            iommu.release();
            assertEquals(0, memories.numbers().size(), "pages that have a number");
        }
        for (String each : List.of(
                "map 0",
                "map EEXIST",
                "unmap 0",
                "unmap EINVAL",
                "pin 0",
                "pin EPERM",
                "pin EINVAL",
                "unpin 0",
                "read 0",
                "write 0",
                "write EPERM",
                "report 0",
                "report EINVAL",
                "hold 0",
                "forced 0")) {
            assertTrue(answers.getOrDefault(each, 0) > 10, () -> each + " was hardly met: " + answers);
        }
    }

    private void step(MemorySegment memory, Supplier<String> where) throws ErrnoException {
        switch (random.nextInt(20)) {
            case 0, 1, 2 -> map(memory, where);
            case 3, 4 -> unmap(where);
            case 5, 6, 7 -> pin(where);
            case 8, 9 -> unpin(where);
            case 10, 11 -> dma(false, where);
            case 12, 13, 14 -> dma(true, where);
            case 15 -> hold(where);
            case 16 -> letOne();
            case 17 -> report(where);
            case 18 -> track();
            default -> register(where);
        }
    }

    private void map(MemorySegment memory, Supplier<String> where) {
        int pages = 1 + random.nextInt(6);
        int first = first(pages);
        int at = random.nextInt(MEMORY_PAGES - pages);
        int prot = random.nextInt(8) == 0 ? random.nextInt(3) : 3;
        same(
                "map",
                where,
                () -> model.map(first, first + pages - 1, prot, at),
                () -> iommu.ioctl(new MapDma(
                        prot,
                        new UserMemory.Local(memory.asSlice((long) at * PAGE)),
                        Pages.iova(first),
                        (long) pages * PAGE)));
    }

    private void unmap(Supplier<String> where) {
        boolean all = random.nextInt(40) == 0;
        int pages = 1 + random.nextInt(10);
        int first = first(pages);
        int last = first + pages - 1;
        boolean report = !all && random.nextInt(3) == 0;
        BitSet written = new BitSet();
        List<Model.Mapping> gone = new ArrayList<>();
        List<String> expected = new ArrayList<>();
        obedient = random.nextInt(4) != 0;
        boolean force = !obedient;
        MemorySegment bits = MemorySegment.ofArray(new long[1]);
        told.clear();
        long[] unmapped = new long[1];
        same(
                force ? "forced" : "unmap",
                where,
                () -> {
                    if (report && !model.tracking) {
                        throw new ErrnoException(Errno.EINVAL);
                    }
                    gone.addAll(all ? List.copyOf(model.mappings.values()) : model.victims(first, last));
                    Set<Model.Range> closed = new HashSet<>();
                    for (Model.Mapping mapping : gone) {
                        boolean held = mapping.pinned() || !closed.containsAll(mapping.ranges);
                        closed.addAll(force ? Set.of() : mapping.ranges);
                        long size = (long) (mapping.last - mapping.first + 1) * PAGE;
                        for (int i = 0; i < (held ? model.notifiers * (force ? 10 : 1) : 0); i++) {
                            expected.add("0x%x+0x%x".formatted(Pages.iova(mapping.first), size));
                        }
                        written.or(mapping.dirty);
                    }
                },
                () -> {
                    UnmapDma request = all
                            ? UnmapDma.all()
                            : new UnmapDma(
                                    report ? UnmapDma.GET_DIRTY_BITMAP : 0,
                                    Pages.iova(first),
                                    (long) pages * PAGE,
                                    report ? new DirtyBitmap(PAGE, bits) : null);
                    unmapped[0] = ((UnmapDma.Reply) iommu.ioctl(request)).size();
                });
        gone.forEach(mapping -> model.mappings.remove(mapping.first));
        assertEquals(gone.stream().mapToLong(m -> m.last - m.first + 1L).sum() * PAGE, unmapped[0], where);
        assertEquals(expected, told, where);
        if (report) {
            assertEquals(written, pages(bits, first), where);
        }
        views.removeIf(view -> {
            boolean dead = gone.contains(view.mapping);
            assertEquals(!dead, view.bytes.scope().isAlive(), where);
            return dead;
        });
    }

    private void letGo(int first, int last) {
        for (int vendor = 0; vendor < VENDORS; vendor++) {
            for (Model.Mapping mapping :
                    List.copyOf(model.mappings.subMap(first, true, last, true).values())) {
                Map<Integer, Model.Pin> pins = mapping.pins.getOrDefault(vendor, Map.of());
                for (Map.Entry<Integer, Model.Pin> pin : pins.entrySet()) {
                    for (; pin.getValue().count > 0; pin.getValue().count--) {
                        try {
                            vendors[vendor].unpinPages(new long[] {Pages.iova(pin.getKey()) >>> 12});
                        } catch (ErrnoException e) {
                            throw new AssertionError("seed " + seed, e);
                        }
                    }
                }
                mapping.pins.remove(vendor);
                for (Model.Range range : List.copyOf(mapping.ranges)) {
                    closeRange(range);
                }
            }
        }
    }

    private void closeRange(Model.Range range) {
        model.let(range);
        DmaRange open = ranges.remove(range);
        if (open != null) {
            open.close();
        }
    }

    private void pin(Supplier<String> where) {
        int vendor = random.nextInt(VENDORS);
        int[] pages = pages();
        int prot = 1 + random.nextInt(3);
        List<PinnedPage> pinned = new ArrayList<>();
        if (same(
                "pin",
                where,
                () -> model.pin(vendor, pages, prot),
                () -> pinned.addAll(vendors[vendor].pinPages(Pages.pfns(pages), prot)))) {
            Map<Long, Integer> numbers = new HashMap<>();
            for (int i = 0; i < pages.length; i++) {
                Model.Mapping mapping = Objects.requireNonNull(model.find(pages[i]));
                int memoryPage = mapping.memoryPage + pages[i] - mapping.first;
                assertEquals(memoryPage, numbers.computeIfAbsent(pinned.get(i).number(), _ -> memoryPage), where);
                byte[] bytes = Arrays.copyOfRange(model.memory, memoryPage * PAGE, (memoryPage + 1) * PAGE);
                assertArrayEquals(bytes, pinned.get(i).page().toArray(ValueLayout.JAVA_BYTE), where);
                assertEquals((prot & Model.WRITE) == 0, pinned.get(i).page().isReadOnly(), where);
                if (views.size() < 200) {
                    views.add(new View(pinned.get(i).page(), mapping));
                }
            }
        }
    }

    private void unpin(Supplier<String> where) {
        int vendor = random.nextInt(VENDORS);
        int[] pages = pages();
        int[] counts = new int[2];
        same(
                "unpin",
                where,
                () -> counts[0] = model.unpin(vendor, pages),
                () -> counts[1] = vendors[vendor].unpinPages(Pages.pfns(pages)));
        assertEquals(counts[0], counts[1], where);
    }

    private void dma(boolean write, Supplier<String> where) {
        int page = random.nextInt(2 * HALF);
        int offset = random.nextInt(PAGE);
        int left = (page < HALF ? HALF - page : 2 * HALF - page) * PAGE - offset;
        int length = Math.min(left, 1 + random.nextInt(random.nextInt(10) == 0 ? 5 * PAGE : 100));
        byte[] theirs = new byte[length];
        random.nextBytes(theirs);
        byte[] ours = theirs.clone();
        same(write ? "write" : "read", where, () -> model.dma(page, offset, theirs, write), () -> {
            MemorySegment data = MemorySegment.ofArray(ours);
            if (write) {
                vendors[0].dmaWrite(Pages.iova(page) + offset, data, 0, length);
            } else {
                vendors[0].dmaRead(Pages.iova(page) + offset, data, 0, length);
            }
        });
        assertArrayEquals(theirs, ours, where);
    }

    private void hold(Supplier<String> where) {
        int pages = 1 + random.nextInt(4);
        int first = first(pages);
        boolean writable = random.nextBoolean();
        int prot = writable ? 3 : 1;
        Model.Range range = new Model.Range(random.nextInt(VENDORS), nextRange++, first, first + pages - 1, writable);
        DmaRange[] open = new DmaRange[1];
        if (same(
                "hold",
                where,
                () -> model.hold(range, prot),
                () -> open[0] = vendors[range.vendor()].mapRange(Pages.iova(first), (long) pages * PAGE, prot))) {
            ranges.put(range, open[0]);
            assertEquals(
                    (long) pages * PAGE,
                    open[0].segments().stream()
                            .mapToLong(MemorySegment::byteSize)
                            .sum(),
                    where);
        }
    }

    private void letOne() {
        ranges.keySet().stream().findFirst().ifPresent(this::closeRange);
    }

    private void report(Supplier<String> where) {
        int pages = 1 + random.nextInt(HALF);
        int first = first(pages);
        BitSet[] reports = new BitSet[2];
        MemorySegment bits = MemorySegment.ofArray(new long[1]);
        boolean ok = same(
                "report",
                where,
                () -> reports[0] = model.report(first, first + pages - 1),
                () -> iommu.ioctl(DirtyPages.get(Pages.iova(first), (long) pages * PAGE, new DirtyBitmap(PAGE, bits))));
        if (ok) {
            assertEquals(reports[0], pages(bits, first), where);
        }
    }

    private void track() throws ErrnoException {
        if (random.nextInt(4) == 0) {
            model.tracking = false;
            iommu.ioctl(DirtyPages.stop());
        } else {
            model.start();
            iommu.ioctl(DirtyPages.start());
        }
    }

    private void register(Supplier<String> where) {
        if (random.nextInt(4) == 0) {
            same(
                    "unregister",
                    where,
                    () -> {
                        if (model.notifiers == 0) {
                            throw new ErrnoException(Errno.ENOENT);
                        }
                        model.notifiers = 0;
                    },
                    () -> vendors[0].unregisterNotifier(notifier));
        } else {
            same(
                    "register",
                    where,
                    () -> {
                        if (model.notifiers == 1) {
                            throw new ErrnoException(Errno.EEXIST);
                        }
                        model.notifiers = 1;
                    },
                    () -> vendors[0].registerNotifier(notifier));
        }
    }

    private void checkState(Supplier<String> where) {
        IommuState state = iommu.state().orElseThrow();
        assertEquals(model.mappings.size(), state.mappings(), where);
        assertEquals(
                model.mappings.values().stream()
                                .mapToInt(m -> m.last - m.first + 1)
                                .sum()
                        * (long) PAGE,
                state.mappedBytes(),
                where);
        assertEquals(
                model.mappings.values().stream()
                        .mapToInt(m ->
                                m.pins.values().stream().mapToInt(Map::size).sum())
                        .sum(),
                state.pinnedPages(),
                where);
        assertEquals(model.tracking, state.dirtyTracking(), where);
        assertFalse(memories.openFiles() > 0, where);
    }

    /** Runs both; the answers must be the same. @return whether both succeeded */
    private boolean same(String what, Supplier<String> where, Step expected, Step actual) {
        String answer = answer(expected);
        assertEquals(answer, answer(actual), () -> what + ", " + where.get());
        answers.merge(what + " " + answer, 1, Integer::sum);
        return answer.equals("0");
    }

    private static String answer(Step step) {
        try {
            step.run();
            return "0";
        } catch (ErrnoException e) {
            return e.errno().name();
        }
    }

    /** A first page, so that the range is in one half. */
    private int first(int pages) {
        return (random.nextBoolean() ? HALF : 0) + random.nextInt(HALF - pages + 1);
    }

    private int[] pages() {
        return random.ints(1 + random.nextInt(4), 0, 2 * HALF).toArray();
    }

    private static BitSet pages(MemorySegment bits, int first) {
        BitSet pages = new BitSet();
        BitSet.valueOf(new long[] {bits.get(ValueLayout.JAVA_LONG_UNALIGNED, 0)}).stream()
                .forEach(bit -> pages.set(first + bit));
        return pages;
    }
}
