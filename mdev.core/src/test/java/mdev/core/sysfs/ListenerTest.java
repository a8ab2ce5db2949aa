package mdev.core.sysfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What listeners of the tree hear, and when. */
class ListenerTest {
    private final Tree tree = new Tree();
    private final List<String> heard = new ArrayList<>();
    private final Directory one = new Directory(tree, "one") {
        @Override
        protected void contents(Contents contents) {
            contents.file(Attribute.readOnly("file", () -> ""));
        }
    };

    ListenerTest() {
        try (var _ = tree.change()) {
            tree.add(one);
            tree.link("two", one);
        }
        tree.addListener(new SysfsListener() {
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
        });
    }

    @Test
    void whatGoesInOneChangeIsToldAtItsEnd() {
        try (var _ = tree.change()) {
            try (var _ = tree.change()) {
                tree.remove("two");
            }
            tree.remove("one");
            assertEquals(List.of(), heard);
        }
        assertEquals(List.of("/sys without two", "/sys without one"), heard);
    }

    @ParameterizedTest
    @CsvSource({"one/file, /sys/one/file", "/sys/two/file, /sys/one/file", "one, ", "one/nothing, ", "'', "})
    void whoOwnsAnAttributeTellsThatItHasChanged(String path, String told) {
        tree.changed(path);

        assertEquals(told == null ? List.of() : List.of(told), heard);
    }
}
