package mdev.core.sysfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.api.sysfs.SysfsNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Paths, order, and incarnations. */
class TreeTest {
    private final Tree tree = new Tree();

    /** A directory that describes a file and a group. */
    private static final class Sample extends Directory {
        Sample(Directory holder, String name) {
            super(holder, name);
        }

        @Override
        protected void contents(Contents contents) {
            contents.file(Attribute.readOnly("m", () -> name() + "\n"));
            contents.directory("group", inside -> inside.file(Attribute.readOnly("file", () -> "in\n")));
            contents.link("up", holder());
        }
    }

    private Sample sample(String name) {
        Sample sample = new Sample(tree, name);
        try (var _ = tree.change()) {
            tree.add(sample);
        }
        return sample;
    }

    private void drop(String name) {
        try (var _ = tree.change()) {
            tree.remove(name);
        }
    }

    static Stream<Arguments> paths() {
        return Stream.of(
                Arguments.of("/sys", true, "/sys"),
                Arguments.of("/sys/", true, "/sys"),
                Arguments.of(".", true, "/sys"),
                Arguments.of("a/m", true, "/sys/a/m"),
                Arguments.of("/sys//a/./group/../m", true, "/sys/a/m"),
                Arguments.of("/sys/../../a", true, "/sys/a"),
                Arguments.of("/sys/a/up", false, "/sys/a/up"),
                Arguments.of("/sys/a/up", true, "/sys"),
                Arguments.of("/sys/a/up/", false, "/sys"),
                Arguments.of("/sys/a/up/a/up/a/group/file", true, "/sys/a/group/file"),
                Arguments.of("", true, "ENOENT"),
                Arguments.of("/", true, "ENOENT"),
                Arguments.of("/proc", true, "ENOENT"),
                Arguments.of("/sys/b", true, "ENOENT"),
                Arguments.of("/sys/b/m", true, "ENOENT"),
                Arguments.of("/sys/a/m/", true, "ENOTDIR"),
                Arguments.of("/sys/a/m/x", true, "ENOTDIR"),
                Arguments.of("/sys/" + "x".repeat(256), true, "ENAMETOOLONG"),
                Arguments.of("/sys" + "/a/up".repeat(41), true, "ELOOP"),
                Arguments.of("/sys" + "/a/up".repeat(40), true, "/sys"));
    }

    @ParameterizedTest
    @MethodSource("paths")
    void lookup(String path, boolean follow, String expected) {
        sample("a");
        String answer;
        try {
            answer = tree.lookup(path, follow).path();
        } catch (ErrnoException e) {
            answer = e.errno().toString();
        }
        assertEquals(expected, answer);
    }

    @Test
    void incarnations() throws Exception {
        Sample first = sample("a");
        SysfsFile file = (SysfsFile) tree.lookup("a/group/file", true);
        SysfsNode link = tree.lookup("a/up", false);
        assertEquals(file, tree.lookup("a/group/file", true));
        assertNotEquals(file, tree.lookup("a/m", true));
        drop("a");
        assertFalse(first.exists());
        assertFalse(file.exists());
        assertFalse(link.exists());
        assertEquals(
                Errno.ENODEV, assertThrows(ErrnoException.class, file::read).errno());
        Sample second = sample("a");
        assertNotEquals(first, second);
        assertNotEquals(file, tree.lookup("a/group/file", true));
        assertFalse(file.exists());
        assertTrue(second.exists());
        assertEquals("/sys/a/group/file", file.path());
    }

    @Test
    void inodeNumbersAreNeverReused() throws Exception {
        List<Long> seen = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            sample("a");
            for (String path : List.of("a", "a/m", "a/group", "a/group/file", "a/up")) {
                seen.add(tree.lookup(path, false).ino());
            }
            drop("a");
        }
        assertEquals(seen.size(), seen.stream().distinct().count());
    }

    /**
     * With few and with many entries, as a whole and in pages; also after entries were added and removed since a
     * listing.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 50, 400})
    void childrenAreInOrder(int changesPerListing) {
        Random random = new Random(1);
        TreeSet<String> expected = new TreeSet<>(List.of("group", "m", "up"));
        Sample holder = sample("a");
        for (int i = 0; i < 2000; i++) {
            String name = Integer.toString(random.nextInt(200));
            try (var _ = tree.change()) {
                if (expected.add(name)) {
                    holder.add(new Directory(holder, name));
                } else {
                    expected.remove(name);
                    holder.remove(name);
                }
            }
            assertEquals(expected.contains(name), holder.child(name) != null);
            if (i % changesPerListing != 0) {
                continue;
            }
            List<String> paged = new ArrayList<>();
            for (List<SysfsNode> page = holder.children("", 7);
                    !page.isEmpty();
                    page = holder.children(paged.getLast(), 7)) {
                page.forEach(node -> paged.add(node.name()));
            }
            assertEquals(List.copyOf(expected), paged);
            assertEquals(paged, holder.children().stream().map(SysfsNode::name).toList());
        }
        assertNull(holder.child("nothing"));
    }

    /**
     * While other entries are added and removed, two listings in pages return each permanent entry exactly once, in
     * order.
     */
    @Test
    void permanentEntriesAreListedOnceDuringChanges() throws Exception {
        Sample holder = sample("a");
        List<String> staying =
                IntStream.range(0, 300).mapToObj(i -> i + " stays").sorted().toList();
        try (var _ = tree.change()) {
            staying.forEach(name -> holder.add(new Directory(holder, name)));
        }
        AtomicBoolean listing = new AtomicBoolean(true);
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            Future<?> changes = threads.submit(() -> {
                Random random = new Random(1);
                while (listing.get()) {
                    String name = random.nextInt(1000) + " goes";
                    try (var _ = tree.change()) {
                        if (holder.child(name) == null) {
                            holder.add(new Directory(holder, name));
                        } else {
                            holder.remove(name);
                        }
                    }
                }
            });
            List<Future<?>> listings = Stream.generate(() -> threads.submit(() -> {
                        for (int i = 0; i < 300; i++) {
                            List<String> seen = new ArrayList<>();
                            for (List<SysfsNode> page = holder.children("", 50);
                                    !page.isEmpty();
                                    page = holder.children(page.getLast().name(), 50)) {
                                page.forEach(node -> seen.add(node.name()));
                            }
                            assertEquals(seen.stream().sorted().distinct().toList(), seen);
                            assertEquals(
                                    staying,
                                    seen.stream()
                                            .filter(name -> name.endsWith("stays"))
                                            .toList());
                        }
                    }))
                    .limit(2)
                    .collect(Collectors.toList());
            try {
                for (Future<?> one : listings) {
                    one.get();
                }
            } finally {
                listing.set(false);
            }
            changes.get();
        }
    }

    @Test
    void treeChangesOnlyInsideAChange() {
        Directory directory = new Directory(tree, "a");
        assertThrows(IllegalStateException.class, () -> tree.add(directory));
        try (var _ = tree.change()) {
            tree.add(directory);
            assertThrows(IllegalStateException.class, () -> tree.add(new Directory(tree, "a")));
        }
    }

    @Test
    void linksAreRelative() throws Exception {
        Sample a = sample("a");
        Directory b = Tree.mkdir(Tree.mkdir(tree, "b"), "c");
        try (var _ = tree.change()) {
            b.link("to", a);
            a.link("self", a);
        }
        assertEquals("../../a", ((SysfsLink) tree.lookup("b/c/to", false)).target());
        assertEquals("", ((SysfsLink) tree.lookup("a/self", false)).target());
    }

    @ParameterizedTest
    @CsvSource({"0,0", "00,0", "0x0,0", "010,8", "+1,1", "0xff,255", "18446744073709551615,-1", "'1\n',1"})
    void parsesNumbers(String text, long number) throws Exception {
        assertEquals(number, Text.unsigned(text));
    }

    @ParameterizedTest
    @CsvSource(value = {"''", "' 1'", "1x", "0x", "08", "-1", "+", "'1\n\n'", "18446744073709551616"})
    void rejectsInvalidNumbers(String text) {
        assertEquals(
                Errno.EINVAL,
                assertThrows(ErrnoException.class, () -> Text.unsigned(text)).errno());
    }
}
