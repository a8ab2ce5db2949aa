package vfio.mdev.golden;

import java.util.Collections;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.SetIrqs.Data;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import vfio.mdev.OpenedDevice;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;
import vfio.mdev.iommu.Golden;

/** The invalid (and the unusual but valid) SET_IRQS requests of the transcript. */
class GoldenSetIrqsTest {
    private static final String SECTION = "== SET_IRQS bad inputs (nothing armed yet)";
    private static final String SIZES = "records carry no argsz: sizes are the wire's affair";
    private static final String POINTERS = "Java has no bad pointers";
    private static final String FILES = "an eventfd that is not one is no trigger in Java";

    private static final String PER_KIND = "each kind's own count is the limit, not the number of kinds";
    private static final String NOT_THERE = "the device does not have the interrupt";
    private static final String ONE_ACTION = "exactly one action, as vfio-pci and libvfio-user demand";

    private final Deviations deviations = new Deviations()
            .without(SIZES)
            .without(POINTERS)
            .without(FILES)
            .differs("start 1 count 1", "EINVAL", PER_KIND)
            .differs("start 4 count 1", "EINVAL", PER_KIND)
            .differs("count 2", "EINVAL", PER_KIND)
            .differs("count 0, EVENTFD (memdup of 0 bytes)", "EINVAL", "count 0 is only for disabling a kind")
            .differs("no action", "EINVAL", ONE_ACTION)
            .differs("two actions", "EINVAL", ONE_ACTION)
            .differs("MSIX EVENTFD -1", "EINVAL", NOT_THERE)
            .differs("ERR EVENTFD -1", "EINVAL", NOT_THERE);

    @Test
    void answersAsTheKernelDid() throws ErrnoException {
        try (TestPlatform platform = new TestPlatform();
                OpenedDevice open = platform.open(platform.add(0, new TestVendor()))) {
            boolean inside = false;
            for (Golden line : Golden.read("/golden/vfio/uart-mtty-2.jsonl")) {
                if (line.fields().containsKey("note")) {
                    inside = line.text("note").equals(SECTION);
                } else if (inside) {
                    replay(line, open);
                }
            }
            deviations.verify(24);
        }
    }

    private void replay(Golden line, OpenedDevice open) {
        String name = line.text("case");
        if (name.isEmpty()) {
            deviations.skip(POINTERS, line);
        } else if (name.startsWith("argsz short")) {
            deviations.skip(SIZES, line);
        } else if (name.contains("fd=999") || name.contains("/dev/null")) {
            deviations.skip(FILES, line);
        } else {
            String errno = line.text("errno");
            deviations.compare(line, name, errno.isEmpty() ? "ok" : errno, answer(open, request(line)));
        }
    }

    private static String answer(OpenedDevice open, SetIrqs request) {
        try {
            open.device().ioctl(request);
            return "ok";
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }

    private static SetIrqs request(Golden line) {
        int flags = (int) line.number("in", "flags");
        int length = (int) line.number("in", "data_len");
        return new SetIrqs(
                flags,
                (int) line.number("in", "index"),
                (int) line.number("in", "start"),
                (int) line.number("in", "count"),
                data(flags, length));
    }

    private static Data data(int flags, int length) {
        if ((flags & SetIrqs.DATA_EVENTFD) != 0) {
            List<@Nullable IrqTrigger> none = Collections.nCopies(length / Integer.BYTES, null);
            return new Data.Triggers(none);
        }
        return (flags & SetIrqs.DATA_BOOL) != 0 ? new Data.Bools(Collections.nCopies(length, true)) : new Data.None();
    }
}
