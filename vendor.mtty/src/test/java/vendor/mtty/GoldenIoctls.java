package vendor.mtty;

import java.util.Map;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;

/** The transcripts' ioctls as our records. */
final class GoldenIoctls {
    /** A request that none of our drivers supports. */
    private record Unknown() implements IoctlRequest {}

    private GoldenIoctls() {}

    static IoctlRequest request(GoldenLine line) {
        return switch (line.get("cmd")) {
            case "VFIO_DEVICE_GET_INFO" -> new GetInfo();
            case "VFIO_DEVICE_GET_REGION_INFO" -> new GetRegionInfo(line.number("in.index"));
            case "VFIO_DEVICE_GET_IRQ_INFO" -> new GetIrqInfo(line.number("in.index"));
            case "VFIO_DEVICE_RESET" -> new Reset();
            case "VFIO_DEVICE_QUERY_GFX_PLANE" -> new Unknown();
            default -> throw new IllegalArgumentException(line.toString());
        };
    }

    /** The fields of a reply as in the transcript. Fields of the memory layout (argsz, offsets) belong to the wire. */
    static Map<String, String> fields(IoctlReply reply) {
        return switch (reply) {
            case DeviceInfo(int flags, int numRegions, int numIrqs) ->
                Map.of("flags", "" + flags, "num_regions", "" + numRegions, "num_irqs", "" + numIrqs);
            case RegionInfo(int index, int flags, long size, var capabilities) ->
                Map.of(
                        "flags",
                        "" + flags,
                        "size",
                        "0x" + Long.toHexString(size),
                        "cap_offset",
                        "" + capabilities.size());
            case IrqInfo(int index, int flags, int count) -> Map.of("flags", "" + flags, "count", "" + count);
            default -> Map.of();
        };
    }
}
