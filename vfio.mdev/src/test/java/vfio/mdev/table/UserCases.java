package vfio.mdev.table;

import static mdev.api.vfio.VfioContainer.TYPE1V2_IOMMU;
import static mdev.api.vfio.VfioContainer.TYPE1_IOMMU;
import static mdev.api.vfio.VfioContainer.TYPE1_NESTING_IOMMU;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IommuGetInfo;
import mdev.api.vfio.IommuInfo;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioPci;
import mdev.linux.Fd;
import org.jspecify.annotations.Nullable;

/** A user's calls on container, group and device. */
final class UserCases {
    private static final IrqTrigger TRIGGER = () -> {};

    private record Unknown() implements IoctlRequest {}

    private UserCases() {}

    static void addTo(Cases cases) {
        container(cases);
        group(cases);
        device(cases);
        irqs(cases);
    }

    private static void container(Cases cases) {
        cases.of("VFIO_GET_API_VERSION").add("0", rig -> assertEquals(0, rig.container.getApiVersion()));
        cases.of("VFIO_CHECK_EXTENSION")
                .add(
                        "TYPE1, TYPE1v2, NESTING are 1, EEH, NOIOMMU are 0",
                        rig -> assertEquals(
                                List.of(1, 1, 1, 0, 0),
                                extensions(rig, TYPE1_IOMMU, TYPE1V2_IOMMU, TYPE1_NESTING_IOMMU, 5, 8)))
                .add(
                        "sPAPR and sPAPR v2 are 1 if the back-end is present",
                        rig -> assertEquals(List.of(1, 1), extensions(rig, 2, 7)))
                .add("UNMAP_ALL is 1", rig -> assertEquals(List.of(1), extensions(rig, 9)))
                .add("DMA_CC is 0 before SET_IOMMU and 1 after", rig -> {
                    assertEquals(List.of(0), extensions(rig, VfioContainer.DMA_CC_IOMMU));
                    rig.withIommu(TYPE1_IOMMU);
                    assertEquals(List.of(1), extensions(rig, VfioContainer.DMA_CC_IOMMU));
                });
        cases.of("VFIO_SET_IOMMU")
                .add("no group", rig -> rig.container.setIommu(TYPE1_IOMMU))
                .add("a group whose device was removed", rig -> {
                    removed(rig);
                    rig.container.setIommu(TYPE1_IOMMU);
                })
                .add("unknown type", rig -> rig.withIommu(77))
                .add("NOIOMMU", rig -> rig.withIommu(VfioContainer.NOIOMMU_IOMMU))
                .add("a second time", rig -> {
                    rig.withIommu(TYPE1_IOMMU);
                    rig.container.setIommu(TYPE1_IOMMU);
                })
                .add("another type over the first", rig -> {
                    rig.withIommu(TYPE1_IOMMU);
                    rig.container.setIommu(TYPE1V2_IOMMU);
                })
                .add("TYPE1", rig -> rig.withIommu(TYPE1_IOMMU))
                .add("TYPE1v2", rig -> rig.withIommu(TYPE1V2_IOMMU))
                .add("TYPE1_NESTING", rig -> rig.withIommu(TYPE1_NESTING_IOMMU))
                .add("again after the last group left", rig -> {
                    VfioGroup group = rig.withIommu(TYPE1_NESTING_IOMMU);
                    group.unsetContainer();
                    group.setContainer(rig.container);
                    rig.container.setIommu(TYPE1_IOMMU);
                })
                .add("container closed", rig -> {
                    rig.grouped();
                    rig.container.close();
                    rig.container.setIommu(TYPE1_IOMMU);
                });
        cases.of("VFIO_IOMMU_GET_INFO")
                .add("no IOMMU", rig -> rig.ask(new IommuGetInfo()))
                .add("the device of its only group was removed", rig -> {
                    rig.withIommu(TYPE1_IOMMU);
                    rig.platform.remove(rig.mdev);
                    rig.ask(new IommuGetInfo());
                })
                .add("page sizes and capabilities", rig -> {
                    rig.withIommu(TYPE1_IOMMU);
                    IommuInfo info = assertInstanceOf(IommuInfo.class, rig.ask(new IommuGetInfo()));
                    assertEquals(
                            List.of(3, -4096L, 2),
                            List.of(
                                    info.flags(),
                                    info.iovaPgsizes(),
                                    info.capabilities().size()));
                });
        cases.of("_IO(';',200)")
                .add("no IOMMU", rig -> rig.ask(new Unknown()))
                .add("unknown to the IOMMU", rig -> {
                    rig.withIommu(TYPE1_IOMMU);
                    rig.ask(new Unknown());
                })
                .add("container closed", rig -> {
                    rig.withIommu(TYPE1_IOMMU);
                    rig.container.close();
                    rig.ask(new Unknown());
                })
                .add("unknown to the device", rig -> rig.device().ioctl(new Unknown()));
    }

    private static List<Integer> extensions(Rig rig, int... extensions) {
        return IntStream.of(extensions)
                .map(rig.container::checkExtension)
                .boxed()
                .toList();
    }

    private static void group(Cases cases) {
        cases.of("open group")
                .add("no such group", rig -> rig.platform.vfio.openGroup(9999, "x"))
                .add("while it is open", rig -> {
                    rig.group();
                    rig.group();
                })
                .add("while only the device is open", rig -> {
                    VfioGroup group = rig.withIommu(TYPE1_IOMMU);
                    try (VfioDevice _ = group.getDevice(rig.name())) {
                        group.close();
                        rig.group();
                    }
                });
        cases.of("VFIO_GROUP_GET_STATUS")
                .add("viable", rig -> assertEquals(VfioGroup.VIABLE, rig.group().getStatus()))
                .add("in a container", rig -> assertEquals(3, rig.grouped().getStatus()))
                .add("in a container, and the device was removed", rig -> {
                    VfioGroup group = rig.withIommu(TYPE1_IOMMU);
                    rig.platform.remove(rig.mdev);
                    assertEquals(VfioGroup.VIABLE, group.getStatus());
                });
        cases.of("VFIO_GROUP_SET_CONTAINER")
                .add("a container", Rig::grouped)
                .add("a second time", rig -> rig.grouped().setContainer(rig.container))
                .add("the device was removed", rig -> removed(rig))
                .add("the device was removed, into one with an IOMMU", rig -> {
                    VfioGroup group = rig.group();
                    rig.platform.remove(rig.mdev);
                    try (VfioGroup other = rig.platform.vfio.openGroup(1, "the user")) {
                        other.setContainer(rig.container);
                        rig.container.setIommu(TYPE1_IOMMU);
                        group.setContainer(rig.container);
                    }
                })
                .add("container closed", rig -> {
                    rig.container.close();
                    rig.grouped();
                });
        cases.of("VFIO_GROUP_UNSET_CONTAINER")
                .add("none set", rig -> rig.group().unsetContainer())
                .add("the device was removed", rig -> {
                    VfioGroup group = rig.withIommu(TYPE1_IOMMU);
                    rig.platform.remove(rig.mdev);
                    group.unsetContainer();
                })
                .add("a device is open", rig -> {
                    VfioGroup group = rig.withIommu(TYPE1_IOMMU);
                    try (VfioDevice _ = group.getDevice(rig.name())) {
                        group.unsetContainer();
                    }
                })
                .add("no device is open", rig -> rig.withIommu(TYPE1_IOMMU).unsetContainer());
        cases.of("VFIO_GROUP_GET_DEVICE_FD")
                .add("no container", rig -> rig.group().getDevice(rig.name()))
                .add("no IOMMU", rig -> rig.grouped().getDevice(rig.name()))
                .add("unknown name", rig -> rig.withIommu(TYPE1_IOMMU).getDevice("nosuch"))
                .add("empty name", rig -> rig.withIommu(TYPE1_IOMMU).getDevice(""))
                .add(
                        "the name in upper case",
                        rig -> rig.withIommu(TYPE1_IOMMU)
                                .getDevice("A" + rig.name().substring(1).toUpperCase(Locale.ROOT)))
                .add(
                        "a device of another group",
                        rig -> rig.withIommu(TYPE1_IOMMU)
                                .getDevice(rig.other.uuid().toString()))
                .add("twice", rig -> {
                    VfioGroup group = rig.withIommu(TYPE1_IOMMU);
                    group.getDevice(rig.name()).close();
                    try (VfioDevice _ = group.getDevice(rig.name())) {
                        group.getDevice(rig.name()).close();
                    }
                })
                .add("the device was removed", rig -> {
                    VfioGroup group = rig.withIommu(TYPE1_IOMMU);
                    rig.platform.remove(rig.mdev);
                    group.getDevice(rig.name());
                })
                .add(
                        "the device was removed, in a container",
                        rig -> removed(rig).getDevice(rig.name()));
    }

    /** The group of a removed device, put into the container once more. */
    private static VfioGroup removed(Rig rig) throws ErrnoException {
        VfioGroup group = rig.withIommu(TYPE1_IOMMU);
        rig.platform.remove(rig.mdev);
        group.setContainer(rig.container);
        return group;
    }

    private static void device(Cases cases) {
        cases.of("VFIO_DEVICE_GET_INFO").add("9 regions, 5 interrupts", rig -> {
            DeviceInfo info = assertInstanceOf(DeviceInfo.class, rig.device().ioctl(new GetInfo()));
            assertEquals(List.of(9, 5), List.of(info.numRegions(), info.numIrqs()));
        });
        cases.of("VFIO_DEVICE_GET_REGION_INFO")
                .add(
                        "BAR0",
                        rig -> assertInstanceOf(RegionInfo.class, rig.device().ioctl(new GetRegionInfo(0))))
                .add("beyond the last", rig -> rig.device().ioctl(new GetRegionInfo(9)))
                .add("index 2^32-1", rig -> rig.device().ioctl(new GetRegionInfo(-1)));
        cases.of("VFIO_DEVICE_GET_IRQ_INFO")
                .add("INTx", rig -> assertInstanceOf(IrqInfo.class, rig.device().ioctl(new GetIrqInfo(0))))
                .add("MSI-X, absent on mtty", rig -> rig.device().ioctl(new GetIrqInfo(2)))
                .add("beyond the last", rig -> rig.device().ioctl(new GetIrqInfo(5)))
                .add("index 2^32-1", rig -> rig.device().ioctl(new GetIrqInfo(-1)));
        cases.of("VFIO_DEVICE_RESET")
                .add("done", rig -> assertEquals(IoctlReply.DONE, rig.device().ioctl(new Reset())));
        cases.of("read")
                .add("BAR0", rig -> rig.device().read(0, 0, Rig.bytes(4), 0, 4))
                .add("no such region", rig -> rig.device().read(5, 0, Rig.bytes(4), 0, 4))
                .add("negative offset", rig -> rig.device().read(0, -1, Rig.bytes(4), 0, 4));
        cases.of("mmap")
                .add("a region with memory", rig -> {
                    VfioDevice device = rig.device();
                    rig.context().regionMemory(2, Rig.PAGE);
                    Fd.adopt(device.regionFd(2)).close();
                })
                .add("a region without memory", rig -> rig.device().regionFd(0))
                .add("handle closed", rig -> {
                    VfioDevice device = rig.device();
                    device.close();
                    device.regionFd(0);
                });
        cases.of("any call")
                .add("handle closed", rig -> {
                    VfioDevice device = rig.device();
                    device.close();
                    device.ioctl(new GetInfo());
                })
                .add("the device was removed", rig -> {
                    VfioDevice device = rig.device();
                    rig.platform.remove(rig.mdev);
                    device.ioctl(new GetInfo());
                });
    }

    private static void irqs(Cases cases) {
        int eventfd = SetIrqs.DATA_EVENTFD | SetIrqs.ACTION_TRIGGER;
        cases.of("VFIO_DEVICE_SET_IRQS")
                .add("arm INTx", rig -> set(rig, eventfd, 0, 0, TRIGGER))
                .add("index beyond the last", rig -> set(rig, eventfd, 5, 0, TRIGGER))
                .add("index 2^32-1", rig -> set(rig, eventfd, -1, 0, TRIGGER))
                .add("start beyond the count", rig -> set(rig, eventfd, 0, 5, TRIGGER))
                .add("start 2^32-1", rig -> set(rig, eventfd, 0, -1, TRIGGER))
                .add("more than the count", rig -> set(rig, eventfd, 0, 0, TRIGGER, null, null, null, null, null))
                .add("no flags", rig -> none(rig, 0))
                .add("no data flag", rig -> none(rig, SetIrqs.ACTION_TRIGGER))
                .add("two data flags", rig -> set(rig, eventfd | SetIrqs.DATA_NONE, 0, 0, TRIGGER))
                .add("unknown flag", rig -> none(rig, SetIrqs.DATA_NONE | SetIrqs.ACTION_TRIGGER | 1 << 6))
                .add("mask INTx", rig -> none(rig, SetIrqs.DATA_NONE | SetIrqs.ACTION_MASK))
                .add("mask MSI, not MASKABLE in IRQ_INFO", rig -> {
                    int mask = SetIrqs.DATA_NONE | SetIrqs.ACTION_MASK;
                    rig.device().ioctl(new SetIrqs(mask, VfioPci.MSI_IRQ, 0, 1, new SetIrqs.Data.None()));
                });
    }

    private static void set(Rig rig, int flags, int index, int start, @Nullable IrqTrigger... triggers)
            throws Exception {
        List<@Nullable IrqTrigger> values = new ArrayList<>(Arrays.asList(triggers));
        rig.device().ioctl(new SetIrqs(flags, index, start, values.size(), new SetIrqs.Data.Triggers(values)));
    }

    private static void none(Rig rig, int flags) throws Exception {
        rig.device().ioctl(new SetIrqs(flags, 0, 0, 1, new SetIrqs.Data.None()));
    }
}
