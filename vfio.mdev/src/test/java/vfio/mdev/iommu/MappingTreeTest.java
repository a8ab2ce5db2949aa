package vfio.mdev.iommu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import vfio.mdev.iommu.memory.MemoryRef;
import vfio.mdev.iommu.memory.PageNumbers;

class MappingTreeTest {
    private static final long PAGE = 4096;
    private static final long LAST_PAGE = -PAGE;
    private static final MemoryRef MEMORY = Users.remoteRef();
    private static final PageNumbers NUMBERS = new PageNumbers();

    @Test
    void findsByUnsignedAddressUpToTheLastByte() {
        DmaMapping low = mapping(0, PAGE);
        DmaMapping high = mapping(Long.MIN_VALUE, 2 * PAGE);
        DmaMapping end = mapping(LAST_PAGE, PAGE);
        MappingTree tree = MappingTree.EMPTY.with(end).with(low).with(high);

        assertSame(low, tree.find(0));
        assertSame(low, tree.find(PAGE - 1));
        assertNull(tree.find(PAGE));
        assertSame(high, tree.find(Long.MIN_VALUE + 2 * PAGE - 1));
        assertNull(tree.find(Long.MIN_VALUE - 1));
        assertSame(end, tree.find(LAST_PAGE));
        assertSame(end, tree.find(-1));
        assertSame(end, tree.beginningIn(Long.MIN_VALUE + 1, -1));
        assertNull(tree.beginningIn(1, Long.MAX_VALUE));
        assertSame(high, tree.overlapping(Long.MIN_VALUE + 1, -1));
        assertEquals(3, tree.count());
        assertEquals(4 * PAGE, tree.bytes());
    }

    @Test
    void mapsAWholeAddressSpace() {
        DmaMapping all = mapping(0, 0);
        MappingTree tree = MappingTree.EMPTY.with(all);
        assertSame(all, tree.find(-1));
        assertEquals(5, all.reach(-5, 100));
        assertEquals(100, all.reach(0, 100));
    }

    /** Against the JDK's tree, with the balance checked in every step: look-up, insertion and removal are O(log n). */
    @Test
    void staysBalancedAndEqualsAModelAtFullSize() {
        Random random = new Random(1);
        List<Long> pages = new ArrayList<>();
        for (long page = 0; page < Type1Iommu.MAX_MAPPINGS; page++) {
            pages.add(page);
        }
        for (boolean ascending : new boolean[] {true, false}) {
            if (!ascending) {
                Collections.shuffle(pages, random);
            }
            Map<Long, DmaMapping> model = new TreeMap<>();
            MappingTree tree = MappingTree.EMPTY;
            for (long page : pages) {
                DmaMapping mapping = mapping(page * 2 * PAGE, PAGE);
                model.put(page, mapping);
                tree = tree.with(mapping);
            }
            assertHeight(tree);
            for (long page : pages) {
                assertSame(model.get(page), tree.find(page * 2 * PAGE + 7));
                assertNull(tree.find(page * 2 * PAGE + PAGE));
            }
            for (long page : pages.subList(0, pages.size() - 100)) {
                tree = tree.without(Objects.requireNonNull(model.remove(page)));
            }
            assertHeight(tree);
            List<DmaMapping> left = new ArrayList<>();
            tree.forEach(left::add);
            assertEquals(List.copyOf(model.values()), left);
        }
    }

    /** Removes few and many at once, with replacements. */
    @Test
    void replacesAnyNumber() {
        Random random = new Random(2);
        for (int each = 0; each < 300; each++) {
            MappingTree tree = MappingTree.EMPTY;
            List<DmaMapping> all = new ArrayList<>();
            for (long page = 0; page < 1 + random.nextInt(200); page++) {
                all.add(mapping(page * 2 * PAGE, PAGE));
                tree = tree.with(all.getLast());
            }
            int part = 1 + random.nextInt(40);
            List<DmaMapping> gone =
                    all.stream().filter(_ -> random.nextInt(part) == 0).toList();
            DmaMapping added = mapping(LAST_PAGE, PAGE);
            MappingTree replaced = tree.replace(gone, List.of(added));
            all.removeAll(gone);
            all.add(added);
            List<DmaMapping> left = new ArrayList<>();
            replaced.forEach(left::add);
            assertEquals(all, left);
            assertEquals(all.size(), replaced.count());
            assertEquals(all.size() * PAGE, replaced.bytes());
            assertHeight(replaced);
            for (DmaMapping mapping : all) {
                assertSame(mapping, replaced.find(mapping.last()));
            }
        }
    }

    @Test
    void changeLeavesTheOldTreeUnchanged() {
        MappingTree before = MappingTree.EMPTY;
        for (long page = 0; page < 100; page++) {
            before = before.with(mapping(page * PAGE, PAGE));
        }
        MappingTree after = before.without(Objects.requireNonNull(before.find(50 * PAGE)));
        assertNull(after.find(50 * PAGE));
        assertNotNull(before.find(50 * PAGE));
        assertEquals(List.of(100, 99), List.of(before.count(), after.count()));
    }

    private static void assertHeight(MappingTree tree) {
        double limit = 1.45 * Math.log(tree.count() + 2) / Math.log(2);
        assertTrue(tree.height() <= limit, () -> tree.height() + " for " + tree.count());
    }

    private static DmaMapping mapping(long first, long size) {
        return new DmaMapping(first, first + size - 1, 3, MEMORY, 0, NUMBERS);
    }
}
