package vfio.mdev.uapi;

import java.util.List;
import java.util.stream.Stream;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.VfioCcw;
import mdev.api.vfio.VfioPci;

/** The numbering of regions and interrupts that a {@code device_api} attribute stands for. */
public enum DeviceApi {
    PCI(VfioPci.DEVICE_API, VfioPci.REQ_IRQ),
    CCW(VfioCcw.DEVICE_API, VfioCcw.REQ_IRQ),
    /** An API that the framework does not know, whose numbers it only passes on. */
    OTHER("", -1);

    private static final List<String> PCI_REGIONS =
            List.of("bar0", "bar1", "bar2", "bar3", "bar4", "bar5", "rom", "config", "vga");
    private static final List<String> PCI_IRQS = List.of("intx", "msi", "msix", "err", "req");
    private static final List<String> CCW_REGIONS = List.of("config");
    private static final List<String> CCW_IRQS = List.of("io", "crw", "req");

    private final String attribute;
    private final int request;

    DeviceApi(String attribute, int request) {
        this.attribute = attribute;
        this.request = request;
    }

    public static DeviceApi of(String attribute) {
        return Stream.of(values())
                .filter(api -> api.attribute.equals(attribute))
                .findFirst()
                .orElse(OTHER);
    }

    /** The interrupt that asks the user to close the device, REQ; -1 if there is none. */
    public int request() {
        return request;
    }

    /** Whether SET_IRQS of an interrupt is EINVAL for MASK and UNMASK, whatever its IRQ_INFO says. */
    public boolean takesOnlyTrigger(int irq) {
        return switch (this) {
            case PCI -> irq == VfioPci.ERR_IRQ || irq == VfioPci.REQ_IRQ;
            case CCW -> true; // vfio_ccw_mdev_set_irqs()
            case OTHER -> false;
        };
    }

    /** Whether a region is the configuration space of a PCI device, an access to which makes the device do nothing. */
    public boolean isConfigurationSpace(int region) {
        return this == PCI && region == VfioPci.CONFIG_REGION;
    }

    /** A region's name in listings: its type if it has no fixed index, else its index. */
    public String name(RegionInfo region) {
        List<String> fixed = switch (this) {
            case PCI -> PCI_REGIONS;
            case CCW -> CCW_REGIONS;
            case OTHER -> List.of();
        };
        if (region.index() < fixed.size()) {
            return fixed.get(region.index());
        }
        return region.capabilities().stream()
                .filter(RegionCapability.Type.class::isInstance)
                .map(RegionCapability.Type.class::cast)
                .findFirst()
                .map(DeviceApi::name)
                .orElse(Integer.toString(region.index()));
    }

    private static String name(RegionCapability.Type type) {
        String number = "type 0x%x.%d".formatted(type.type(), type.subtype());
        if (type.type() != VfioCcw.REGION_TYPE) {
            return number;
        }
        return switch (type.subtype()) {
            case VfioCcw.REGION_SUBTYPE_ASYNC_CMD -> "async_cmd";
            case VfioCcw.REGION_SUBTYPE_SCHIB -> "schib";
            case VfioCcw.REGION_SUBTYPE_CRW -> "crw";
            default -> number;
        };
    }

    /** An interrupt's name in listings: its index if the API does not name it. */
    public String irqName(int index) {
        List<String> names = switch (this) {
            case PCI -> PCI_IRQS;
            case CCW -> CCW_IRQS;
            case OTHER -> List.of();
        };
        return index < names.size() ? names.get(index) : Integer.toString(index);
    }
}
