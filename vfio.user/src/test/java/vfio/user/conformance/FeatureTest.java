package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.user.conformance.Requests.GET;
import static vfio.user.conformance.Requests.PROBE;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Requests.SET;
import static vfio.user.conformance.Rig.PAGE;

import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.linux.LinuxException;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * DEVICE_FEATURE: probing, and the log of the device's writes (libvfio-user's test_dirty_pages.py). Migration: {@link
 * MigrationTest}.
 */
final class FeatureTest {
    private static final int LOGGING_START = 6;
    private static final int LOGGING_STOP = 7;
    private static final int LOGGING_REPORT = 8;
    private static final int REPORT_HEAD = 8 + 24;
    private static final long IOVA = 0x10_0000;

    static void startLogging(Client client, long pageSize) throws LinuxException {
        Payload start = control(LOGGING_START, pageSize);
        assertArrayEquals(start.toBytes(), client.ok(Commands.FEATURE, start).bytes(0), "the answer echoes");
    }

    private static Payload control(int feature, long pageSize) {
        return Requests.feature(8 + 16, SET | feature).u64(pageSize).u32(0).u32(0);
    }

    private static Payload report(long argsz, long iova, long length, long pageSize) {
        return Requests.feature(argsz, GET | LOGGING_REPORT)
                .u64(iova)
                .u64(length)
                .u64(pageSize);
    }

    /** The log of 16 pages in one word. */
    static long bitmap(Client client, long pageSize) throws LinuxException {
        Message answer = client.ok(Commands.FEATURE, report(REPORT_HEAD + 8, IOVA, 16 * PAGE, pageSize));
        assertEquals(REPORT_HEAD + 8, answer.size());
        assertEquals(REPORT_HEAD + 8, answer.u32(0), "argsz");
        assertEquals(GET | LOGGING_REPORT, answer.u32(4), "flags");
        assertEquals(IOVA, answer.u64(8), "iova");
        assertEquals(16 * PAGE, answer.u64(16), "length");
        assertEquals(pageSize, answer.u64(24), "page size");
        return answer.u64(REPORT_HEAD);
    }

    /** The log of at most 64 pages. */
    private static long word(Client client, long iova, long length) throws LinuxException {
        return client.ok(Commands.FEATURE, report(REPORT_HEAD + 8, iova, length, PAGE))
                .u64(REPORT_HEAD);
    }

    /** A start for ranges, each an address and a length. */
    private static Payload start(long... ranges) {
        Payload start = Requests.feature(8 + 16 + 8L * ranges.length, SET | LOGGING_START)
                .u64(PAGE)
                .u32(ranges.length / 2)
                .u32(0);
        for (long number : ranges) {
            start.u64(number);
        }
        return start;
    }

    @TestFactory
    Stream<DynamicTest> refusals() {
        Cases cases = new Cases();
        refused(
                cases,
                "a payload of 7 bytes",
                Requests.feature(8, PROBE | LOGGING_START).cut(7));
        refused(cases, "argsz 2", Requests.feature(2, PROBE | LOGGING_START));
        refused(cases, "no operation", Requests.feature(8, LOGGING_START));
        refused(cases, "GET and SET", control(GET | LOGGING_START, PAGE));
        refused(cases, "an unknown operation", Requests.feature(8, PROBE | 1 << 19 | LOGGING_START));
        for (int feature : new int[] {0, 3, 4, 5, 10, 0xffff}) {
            refused(cases, "a probe of feature " + feature, Requests.feature(8, PROBE | feature));
            refused(cases, "GET of feature " + feature, Requests.feature(64, GET | feature));
            refused(
                    cases,
                    "SET of feature " + feature,
                    Requests.feature(64, SET | feature).zeroes(56));
        }
        refused(
                cases,
                "GET of LOGGING_START",
                Requests.feature(64, GET | LOGGING_START).zeroes(16));
        refused(
                cases,
                "GET of LOGGING_STOP",
                Requests.feature(64, GET | LOGGING_STOP).zeroes(16));
        refused(
                cases,
                "SET of LOGGING_REPORT",
                Requests.feature(64, SET | LOGGING_REPORT).zeroes(56));
        refused(cases, "a start without data", Requests.feature(8, SET | LOGGING_START));
        refused(
                cases,
                "a start with argsz 8",
                Requests.feature(8, SET | LOGGING_START).u64(PAGE).u64(0));
        refused(cases, "a start with pages of 0 bytes", control(LOGGING_START, 0));
        refused(cases, "a start with a page size that is not a power of two", control(LOGGING_START, 3 * PAGE));
        refused(
                cases,
                "a start with more ranges than there are",
                Requests.feature(24, SET | LOGGING_START).u64(PAGE).u32(1).u32(0));
        refused(
                cases,
                "a start with 2^32-1 ranges",
                Requests.feature(-1, SET | LOGGING_START).u64(PAGE).u32(-1).u32(0));
        refused(cases, "a start for a range of length 0", start(IOVA, 0));
        refused(cases, "a start for a range that wraps", start(-PAGE, 2 * PAGE));
        refused(cases, "a start for a range that begins in a page", start(IOVA + 1, PAGE));
        refused(cases, "a start for a range that ends in a page", start(IOVA, PAGE + 1));
        refused(cases, "a start for ranges that overlap", start(IOVA, 2 * PAGE, IOVA + PAGE, PAGE));
        refused(cases, "a start whose second range is of length 0", start(IOVA, PAGE, IOVA + PAGE, 0));
        cases.add(
                "a start for ranges side by side, to the end of the addresses",
                (_, client) -> client.ok(Commands.FEATURE, start(IOVA, PAGE, IOVA + PAGE, PAGE, -PAGE, PAGE)));
        return cases.run();
    }

    private static void refused(Cases cases, String name, Payload payload) {
        cases.refused(name, Errno.EINVAL, Commands.FEATURE, payload);
    }

    @TestFactory
    Stream<DynamicTest> probes() {
        Cases cases = new Cases();
        for (int flags : new int[] {
            LOGGING_START, SET | LOGGING_START, LOGGING_STOP, SET | LOGGING_STOP, LOGGING_REPORT, GET | LOGGING_REPORT
        }) {
            cases.add("a probe of 0x" + Integer.toHexString(flags) + " is echoed", (_, client) -> {
                Payload probe = Requests.feature(8, PROBE | flags);
                assertArrayEquals(
                        probe.toBytes(), client.ok(Commands.FEATURE, probe).bytes(0));
            });
        }
        for (int flags : new int[] {
            GET | LOGGING_START,
            GET | SET | LOGGING_START,
            GET | LOGGING_STOP,
            SET | LOGGING_REPORT,
            GET | SET | LOGGING_REPORT
        }) {
            cases.refused(
                    "a probe of 0x" + Integer.toHexString(flags),
                    Errno.EINVAL,
                    Commands.FEATURE,
                    Requests.feature(8, PROBE | flags));
        }
        return cases.run();
    }

    @TestFactory
    Stream<DynamicTest> logging() {
        Cases cases = new Cases();
        cases.refused("a report while nothing is logged", Errno.EINVAL, Commands.FEATURE, report(40, IOVA, PAGE, PAGE));
        logged(cases, "without writes no page is reported", (rig, client) -> assertEquals(0, bitmap(client, PAGE)));
        logged(cases, "pages that the device writes are reported once", (rig, client) -> {
            Dma.write(rig.card.context(), IOVA + 8, (byte) 1);
            Dma.write(rig.card.context(), IOVA + 7 * PAGE - 1, (byte) 1, (byte) 2);
            Dma.write(rig.card.context(), IOVA + 15 * PAGE, new byte[PAGE]);
            assertEquals(0b1000_0000_1100_0001, bitmap(client, PAGE));
            assertEquals(0, bitmap(client, PAGE));
        });
        logged(cases, "pages that the device reads are not", (rig, client) -> {
            Dma.read(rig.card.context(), IOVA, PAGE);
            assertEquals(0, bitmap(client, PAGE));
        });
        logged(cases, "a finer report has a page's bit for each of its parts", (rig, client) -> {
            Dma.write(rig.card.context(), IOVA + PAGE, (byte) 1);
            Dma.write(rig.card.context(), IOVA + 15 * PAGE, (byte) 1);
            assertEquals(0b1100_0000_0000_0000_0000_0000_0000_1100L, bitmap(client, PAGE / 2));
            assertEquals(0, bitmap(client, PAGE / 2));
        });
        logged(cases, "a coarser report has one bit for several pages", (rig, client) -> {
            Dma.write(rig.card.context(), IOVA + PAGE, (byte) 1);
            Dma.write(rig.card.context(), IOVA + 14 * PAGE, (byte) 1);
            assertEquals(0b1000_0001, bitmap(client, PAGE * 2));
            assertEquals(0, bitmap(client, PAGE * 2));
        });
        logged(cases, "a report of one bit tells of all pages", (rig, client) -> {
            Dma.write(rig.card.context(), IOVA + 9 * PAGE, (byte) 1);
            assertEquals(1, bitmap(client, PAGE * 16));
            assertEquals(0, bitmap(client, PAGE * 16));
        });
        logged(cases, "a start while pages are logged is EINVAL, and what was logged is not lost", (rig, client) -> {
            Dma.write(rig.card.context(), IOVA, (byte) 1);
            client.refused(Errno.EINVAL, Commands.FEATURE, control(LOGGING_START, PAGE));
            assertEquals(1, bitmap(client, PAGE));
        });
        logged(cases, "after a stop nothing of before is reported", (rig, client) -> {
            Dma.write(rig.card.context(), IOVA, (byte) 1);
            client.ok(Commands.FEATURE, control(LOGGING_STOP, PAGE));
            startLogging(client, PAGE);
            assertEquals(0, bitmap(client, PAGE));
        });
        for (int pageSize : new int[] {PAGE / 2, PAGE * 2}) {
            // vfio_device_feature_dma_logging_control in the kernel: "a hint"; libvfio-user rejects another one.
            mapped(
                    cases,
                    "a start with pages of " + pageSize + " is told that pages of 4096 are logged",
                    (rig, client) -> {
                        Message answer = client.ok(Commands.FEATURE, control(LOGGING_START, pageSize));
                        assertEquals(PAGE, answer.u64(8), "page size");
                        Dma.write(rig.card.context(), IOVA + PAGE, (byte) 1);
                        assertEquals(0b10, bitmap(client, PAGE));
                    });
        }
        logged(cases, "a report of a part of a mapping leaves the rest for later", (rig, client) -> {
            for (int page : new int[] {3, 4, 7, 8, 15}) {
                Dma.write(rig.card.context(), IOVA + (long) page * PAGE, (byte) 1);
            }
            assertEquals(0b1001, word(client, IOVA + 4 * PAGE, 4 * PAGE));
            assertEquals(0, word(client, IOVA + 4 * PAGE, 4 * PAGE));
            assertEquals(0b1000_0001_0000_1000, bitmap(client, PAGE));
        });
        logged(cases, "a report of a hole and a mapping has no page in the hole", (rig, client) -> {
            Dma.write(rig.card.context(), IOVA, (byte) 1);
            Dma.write(rig.card.context(), IOVA + 15 * PAGE, (byte) 1);
            assertEquals(0b1_0000, word(client, IOVA - 4 * PAGE, 8 * PAGE));
            assertEquals(0b1000, word(client, IOVA + 12 * PAGE, 16 * PAGE));
        });
        logged(cases, "a report of parts of two mappings and what is between", (rig, client) -> {
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA + 32 * PAGE, 4 * PAGE), rig.memory(4 * PAGE));
            Dma.write(rig.card.context(), IOVA + 15 * PAGE, (byte) 1);
            Dma.write(rig.card.context(), IOVA + 32 * PAGE, new byte[2 * PAGE]);
            assertEquals(1 | 1L << 17, word(client, IOVA + 15 * PAGE, 18 * PAGE));
            assertEquals(0b10, word(client, IOVA + 32 * PAGE, 4 * PAGE));
        });
        logged(
                cases,
                "a report of a hole has no page",
                (_, client) -> assertEquals(0, word(client, 2 * IOVA, 4 * PAGE)));
        logged(cases, "after a stop there is no report, and a repeated stop succeeds", (_, client) -> {
            client.ok(Commands.FEATURE, control(LOGGING_STOP, PAGE));
            client.ok(Commands.FEATURE, control(LOGGING_STOP, PAGE));
            client.refused(Errno.EINVAL, Commands.FEATURE, report(40, IOVA, PAGE, PAGE));
        });
        logged(cases, "the next client finds nothing logged", (rig, client) -> {
            client.close();
            rig.client().refused(Errno.EINVAL, Commands.FEATURE, report(40, IOVA, PAGE, PAGE));
        });
        badReport(cases, "no length", REPORT_HEAD + 8, IOVA, 0, PAGE);
        badReport(cases, "no page size", REPORT_HEAD + 8, IOVA, PAGE, 0);
        badReport(cases, "a page size that is not a power of two", REPORT_HEAD + 8, IOVA, PAGE, 3 * PAGE);
        badReport(cases, "a range that wraps", REPORT_HEAD + 8, -PAGE, 2 * PAGE, PAGE);
        badReport(cases, "argsz without room", REPORT_HEAD + 7, IOVA, 16 * PAGE, PAGE);
        badReport(cases, "a bitmap above max_data_xfer_size", -1, IOVA, 1L << 50, PAGE);
        badReport(cases, "a bitmap for which an answer has no room beside its head", -1, IOVA, 32L << 30, PAGE);
        badReport(cases, "2^64-1 bytes", -1, 0, -1, 1);
        return cases.run();
    }

    private static void logged(Cases cases, String name, Cases.Case test) {
        mapped(cases, name, (rig, client) -> {
            startLogging(client, PAGE);
            test.run(rig, client);
        });
    }

    private static void mapped(Cases cases, String name, Cases.Case test) {
        cases.add(name, (rig, client) -> {
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, 16 * PAGE), rig.memory(16 * PAGE));
            test.run(rig, client);
        });
    }

    private static void badReport(Cases cases, String name, long argsz, long iova, long length, long pageSize) {
        logged(cases, "a report with " + name + " is EINVAL", (rig, client) -> {
            Dma.write(rig.card.context(), IOVA, (byte) 1);
            client.refused(Errno.EINVAL, Commands.FEATURE, report(argsz, iova, length, pageSize));
            assertEquals(1, bitmap(client, PAGE), "what was logged is not lost");
        });
    }
}
