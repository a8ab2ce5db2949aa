package mdev.core.sysfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsListener;
import mdev.core.SurefireLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The notifications of tree listeners, and their order. */
class ListenerTest {
    private final Tree tree = new Tree();
    private final List<String> heard = Collections.synchronizedList(new ArrayList<>());
    private final Directory one = new Directory(tree, "one") {
        @Override
        protected void contents(Contents contents) {
            contents.file(Attribute.readOnly("file", () -> ""));
        }
    };

    private final SysfsListener listener = new SysfsListener() {
        @Override
        public void notified(SysfsFile file) {
            heard.add(file.path());
        }

        @Override
        public void removed(List<Entry> entries) {
            entries.forEach(entry -> {
                assertNull(entry.directory().child(entry.name()), "it is gone by now");
                heard.add(entry.directory().path() + " without " + entry.name());
            });
        }
    };

    ListenerTest() {
        try (var _ = tree.change()) {
            tree.add(one);
            tree.link("two", one);
        }
        tree.addListener(listener);
    }

    @Test
    void removalsOfOneChangeAreReportedAtItsEnd() {
        try (var _ = tree.change()) {
            try (var _ = tree.change()) {
                tree.remove("two");
            }
            tree.remove("one");
            assertEquals(List.of(), heard);
        }
        assertEquals(List.of("/sys without two", "/sys without one"), heard);
    }

    @Test
    void failingListenerDoesNotAffectOthers() {
        Tree other = new Tree();
        other.addListener(new SysfsListener() {
            @Override
            public void notified(SysfsFile file) {}

            @Override
            public void removed(List<Entry> entries) {
                throw new LinkageError("of a bundle that is being updated");
            }
        });
        other.addListener(listener);
        try (var _ = other.change()) {
            other.add(new Directory(other, "one"));
            other.remove("one");
        }
        assertEquals(List.of("/sys without one"), heard);
    }

    @Test
    void failingListenerFillsNoLog() {
        Tree other = new Tree();
        other.addListener(_ -> {
            throw new LinkageError("the listener that fills no log");
        });
        Device device = new Device(other);
        for (int i = 0; i < 1000; i++) {
            other.notifyListeners((SysfsFile) Objects.requireNonNull(device.child("file")));
        }
        int lines = SurefireLog.lines("the listener that fills no log").size();
        assertTrue(lines > 0 && lines < 100, lines + " lines");
    }

    /**
     * Described entries are withdrawn before their removal: a listener added in between could otherwise find one and
     * would never be notified.
     */
    @Test
    void listenerAddedDuringAChangeFindsNoStaleEntry() throws InterruptedException {
        Tree other = new Tree();
        Device device = new Device(other);
        Thread comes = new Thread(() -> {
            other.addListener(listener);
            if (device.child("file") != null) {
                heard.add("found");
            }
        });
        try (var _ = other.change()) {
            device.withdrawContents();
            comes.start();
            while (comes.getState() != Thread.State.WAITING && comes.getState() != Thread.State.TERMINATED) {
                Thread.onSpinWait();
            }
            device.gone = true;
        }
        comes.join();
        assertEquals(List.of(), heard);
    }

    private static final class Device extends Directory {
        private volatile boolean gone;

        Device(Directory holder) {
            super(holder, "device");
        }

        @Override
        protected void contents(Contents contents) {
            if (!gone) {
                contents.file(Attribute.readOnly("file", () -> ""));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"one/file, /sys/one/file", "/sys/two/file, /sys/one/file", "one, ", "one/nothing, ", "'', "})
    void ownerReportsTheChangeOfAnAttribute(String path, String told) {
        tree.changed(path);

        assertEquals(told == null ? List.of() : List.of(told), heard);
    }
}
