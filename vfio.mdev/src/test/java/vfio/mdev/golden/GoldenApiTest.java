package vfio.mdev.golden;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import mdev.api.Mdev;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IommuGetInfo;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioPci;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;
import vfio.mdev.iommu.Golden;

/** The container, group and device sections of the transcript: our replies equal the kernel's. */
class GoldenApiTest {
    private static final String SIZES = "records carry no argsz: the wire protocol handles sizes";
    private static final String POINTERS = "Java has no bad pointers";
    private static final String FILES = "an object is not a file: it has no read, write, mmap, lseek, poll or flags";
    private static final String NUMBERS = "Java cannot pass an invalid file as an argument";
    private static final String CLOSED_SET = "a group has a closed set of requests: unknown ones cannot be expressed";
    private static final String DMA = "the DMA tables are replayed against the back-end";

    private static final Set<Long> USUAL_SIZES = Set.of(8L, 16L, 32L, 64L);

    private final Deviations deviations = new Deviations()
            .without(SIZES)
            .without(POINTERS)
            .without(FILES)
            .without(NUMBERS)
            .without(CLOSED_SET)
            .without(DMA)
            .differs("VFIO_CHECK_EXTENSION UNMAP_ALL", "ok 1", "UNMAP_ALL came after 5.10 (5.12) and is supported here")
            .differs(
                    "VFIO_DEVICE_GET_IRQ_INFO 0 before",
                    "ok flags=7 count=1",
                    "interrupts are available without a prior GET_INFO (mtty takes their count from it)")
            .differs(
                    "VFIO_CHECK_EXTENSION UNMAP_ALL",
                    "ok 1",
                    "a single call can unmap everything, as since Linux 5.12");

    private final TestPlatform platform = new TestPlatform();
    private final Mdev mdev = platform.add(0, new TestVendor());
    private final Mdev other = platform.add(1, new TestVendor());
    private final VfioContainer container = platform.vfio.openContainer();
    private @Nullable VfioGroup group;
    private @Nullable VfioDevice device;
    private String section = "";
    private boolean dma;
    private boolean infoSeen;

    GoldenApiTest() throws ErrnoException {}

    private record Unknown() implements IoctlRequest {}

    private interface Call {
        Object run() throws ErrnoException;
    }

    @Test
    void answersAsTheKernelDid() {
        for (Golden line : Golden.read("/golden/vfio/vfio-api-mtty-2.jsonl")) {
            if (line.fields().containsKey("note")) {
                section = line.text("note");
                dma = section.startsWith("DMA map/unmap") || (dma && !section.startsWith("=="));
            } else if (!skipped(line)) {
                replay(line);
            }
        }
        deviations.verify(114);
        platform.close();
    }

    private boolean skipped(Golden line) {
        String reason = reasonToSkip(line);
        if (reason != null) {
            deviations.skip(reason, line);
        }
        return reason != null;
    }

    private @Nullable String reasonToSkip(Golden line) {
        String op = line.text("op");
        String cmd = line.text("cmd");
        boolean table = dma && !cmd.startsWith("_IO");
        boolean info = cmd.equals("VFIO_IOMMU_GET_INFO") && line.text("ret").equals("0");
        if (table || info) {
            return DMA;
        }
        if (String.valueOf(line.at("in", "arg")).contains("NULL")
                || String.valueOf(line.at("in", "name")).contains("NULL")) {
            return POINTERS;
        }
        if (line.at("in", "argsz") instanceof Long argsz && !USUAL_SIZES.contains(argsz)) {
            return SIZES;
        }
        if (line.at("in", "argsz") instanceof Long argsz && cmd.endsWith("STATUS") && argsz != 8) {
            return SIZES;
        }
        if (line.at("in", "fd") instanceof Long) {
            return NUMBERS;
        }
        if (cmd.endsWith("unknown on group")) {
            return CLOSED_SET;
        }
        boolean read = op.startsWith("read(device");
        if (!read && op.matches("(read|write|mmap|lseek|poll)\\(.*|device fd")) {
            return FILES;
        }
        return null;
    }

    private void replay(Golden line) {
        String cmd = line.text("cmd");
        Object index = cmd.equals("VFIO_CHECK_EXTENSION") ? line.at("in", "name") : line.at("in", "index");
        String key = cmd + " " + (index == null ? "" : index) + (line.has("in", "index") && !infoSeen ? " before" : "");
        infoSeen |= cmd.equals("VFIO_DEVICE_GET_INFO");
        deviations.compare(line, key.strip(), expected(line), answer(() -> run(line)));
    }

    /** {@code ok} with the fields that a record has, or the errno. */
    private static String expected(Golden line) {
        if (!line.text("errno").isEmpty()) {
            return line.text("errno");
        }
        StringBuilder answer = new StringBuilder("ok");
        if (line.text("cmd").equals("VFIO_CHECK_EXTENSION")) {
            answer.append(' ').append(line.text("ret"));
        }
        for (String field : List.of("flags", "num_regions", "num_irqs", "count", "size")) {
            if (line.has("out", field)) {
                answer.append(' ').append(field).append('=').append(line.at("out", field));
            }
        }
        return answer.toString();
    }

    private static String answer(Call call) {
        try {
            return switch (call.run()) {
                case DeviceInfo(int flags, int regions, int irqs) ->
                    "ok flags=%d num_regions=%d num_irqs=%d".formatted(flags, regions, irqs);
                case RegionInfo region -> "ok flags=%d size=0x%x".formatted(region.flags(), region.size());
                case IrqInfo irq -> "ok flags=%d count=%d".formatted(irq.flags(), irq.count());
                case String text -> ("ok " + text).strip();
                default -> "ok";
            };
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }

    private Object run(Golden line) throws ErrnoException {
        String op = line.text("op");
        return switch (op) {
            case "open /dev/vfio/vfio" -> "";
            case "open group" -> {
                group = platform.vfio.openGroup(0, "golden");
                yield "";
            }
            case "open group a second time while open" -> platform.vfio.openGroup(0, "another");
            case "open /dev/vfio/9999" -> platform.vfio.openGroup(9999, "golden");
            case "ioctl" -> ioctl(line);
            default -> {
                byte[] four = new byte[4];
                device().read(0, 0, MemorySegment.ofArray(four), 0, 4);
                yield "";
            }
        };
    }

    private VfioGroup group() {
        return Objects.requireNonNull(group);
    }

    private VfioDevice device() {
        return Objects.requireNonNull(device);
    }

    private Object ioctl(Golden line) throws ErrnoException {
        String cmd = line.text("cmd");
        return switch (cmd) {
            case "VFIO_GET_API_VERSION" -> container.getApiVersion() == 0 ? "" : "wrong version";
            case "VFIO_CHECK_EXTENSION" -> "" + container.checkExtension((int) line.number("in", "ext"));
            case "VFIO_SET_IOMMU" -> {
                container.setIommu((int) line.number("in", "type"));
                yield "";
            }
            case "VFIO_IOMMU_GET_INFO" -> container.ioctl(new IommuGetInfo());
            case "VFIO_GROUP_GET_STATUS" -> "flags=" + group().getStatus();
            case "VFIO_GROUP_SET_CONTAINER" -> {
                group().setContainer(container(String.valueOf(line.at("in", "fd"))));
                yield "";
            }
            case "VFIO_GROUP_UNSET_CONTAINER" -> {
                group().unsetContainer();
                yield "";
            }
            case "VFIO_GROUP_GET_DEVICE_FD" -> openDevice(String.valueOf(line.at("in", "name")));
            case "VFIO_DEVICE_GET_INFO" -> device().ioctl(new GetInfo());
            case "VFIO_DEVICE_GET_REGION_INFO" -> device().ioctl(new GetRegionInfo((int) line.number("in", "index")));
            case "VFIO_DEVICE_GET_IRQ_INFO" -> device().ioctl(new GetIrqInfo((int) line.number("in", "index")));
            case "VFIO_DEVICE_SET_IRQS" -> device().ioctl(SetIrqs.disarm(VfioPci.MSIX_IRQ));
            case "VFIO_DEVICE_RESET" -> device().ioctl(new Reset());
            default -> unknown(cmd);
        };
    }

    /** The transcript's mock requests, and device requests of other drivers. */
    private IoctlReply unknown(String cmd) throws ErrnoException {
        if (cmd.contains("container")) {
            return container.ioctl(new Unknown());
        }
        return device().ioctl(new Unknown());
    }

    private VfioContainer container(String what) {
        if (what.startsWith("container")) {
            return container;
        }
        if (what.startsWith("777")) {
            VfioContainer closed = platform.vfio.openContainer();
            closed.close();
            return closed;
        }
        return new Foreign();
    }

    /** A container of another implementation. */
    private static final class Foreign implements VfioContainer {
        @Override
        public int checkExtension(int extension) {
            return 0;
        }

        @Override
        public void setIommu(int type) {}

        @Override
        public IoctlReply ioctl(IoctlRequest request) {
            return IoctlReply.DONE;
        }

        @Override
        public void close() {}
    }

    /** The first handle stays open; the second is closed immediately, as the transcript notes. */
    private Object openDevice(String name) throws ErrnoException {
        String uuid = mdev.uuid().toString();
        VfioDevice opened = group().getDevice(
                        switch (name) {
                            case "good" -> uuid;
                            case "uppercased uuid" -> uuid.toUpperCase(Locale.ROOT);
                            case "uuid of a device of another group" ->
                                other.uuid().toString();
                            default -> name;
                        });
        if (device == null) {
            device = opened;
        } else {
            opened.close();
        }
        return "";
    }
}
