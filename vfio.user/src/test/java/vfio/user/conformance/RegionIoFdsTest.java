package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * GET_REGION_IO_FDS (libvfio-user's test_device_get_region_io_fds.py): none of our devices has such descriptors, so the
 * answer is empty.
 */
final class RegionIoFdsTest {
    @TestFactory
    Stream<DynamicTest> cases() {
        Cases cases = new Cases();
        refused(
                cases,
                "a payload of 15 bytes",
                Requests.regionIoFds(512, 0, 2, 0).cut(15));
        refused(cases, "flags 1", Requests.regionIoFds(512, 1, 2, 0));
        refused(cases, "a count", Requests.regionIoFds(512, 0, 2, 1));
        refused(cases, "argsz 0", Requests.regionIoFds(0, 0, 2, 0));
        refused(cases, "argsz 15", Requests.regionIoFds(15, 0, 2, 0));
        refused(cases, "argsz above max_data_xfer_size", Requests.regionIoFds((1 << 20) + 1, 0, 2, 0));
        refused(cases, "argsz 2^32-1", Requests.regionIoFds(-1, 0, 2, 0));
        refused(cases, "a region that is not there", Requests.regionIoFds(512, 0, 5, 0));
        refused(cases, "index 9", Requests.regionIoFds(512, 0, 9, 0));
        refused(cases, "index 512", Requests.regionIoFds(512, 0, 512, 0));
        refused(cases, "index 2^32-1", Requests.regionIoFds(512, 0, -1, 0));
        for (int index : new int[] {0, 2, 4, 7}) {
            for (int argsz : new int[] {16, 512}) {
                cases.add("region " + index + " with argsz " + argsz + " has none", (_, client) -> {
                    Message answer = client.ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(argsz, 0, index, 0));
                    assertEquals(16, answer.size());
                    assertEquals(
                            List.of(16, 0, index, 0),
                            List.of(answer.u32(0), answer.u32(4), answer.u32(8), answer.u32(12)),
                            "argsz, flags, index, count");
                    assertEquals(List.of(), answer.fds());
                });
            }
        }
        return cases.run();
    }

    private static void refused(Cases cases, String name, Payload payload) {
        cases.refused(name, Errno.EINVAL, Commands.GET_REGION_IO_FDS, payload);
    }
}
