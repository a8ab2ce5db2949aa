package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** GET_INFO and GET_IRQ_INFO (libvfio-user's test_device_get_info.py and test_device_get_irq_info.py). */
final class InfoTest {
    private static final int PCI_AND_RESET = 3;

    @TestFactory
    Stream<DynamicTest> device() {
        Cases cases = new Cases()
                .refused("a payload of 8 bytes", Errno.EINVAL, Commands.GET_INFO, new Payload().zeroes(8))
                .refused(
                        "a payload of 15 bytes",
                        Errno.EINVAL,
                        Commands.GET_INFO,
                        Requests.info(16).cut(15))
                .refused("argsz 0", Errno.EINVAL, Commands.GET_INFO, Requests.info(0))
                .refused("argsz 8", Errno.EINVAL, Commands.GET_INFO, Requests.info(8))
                .refused("argsz 15", Errno.EINVAL, Commands.GET_INFO, Requests.info(15));
        for (long argsz : new long[] {16, 32, 0xffff_ffffL}) {
            cases.add("argsz " + argsz + " is answered with the 16 bytes that there are", (_, client) -> {
                Message info = client.ok(Commands.GET_INFO, Requests.info(argsz));
                assertEquals(16, info.size());
                assertEquals(List.of(16, PCI_AND_RESET, 9, 5), words(info), "argsz, flags, regions, interrupts");
            });
        }
        cases.add(
                "a payload of 64 bytes is answered with 16",
                (_, client) -> assertEquals(
                        16,
                        client.ok(Commands.GET_INFO, Requests.info(64).zeroes(48))
                                .size()));
        return cases.run();
    }

    @TestFactory
    Stream<DynamicTest> irqs() {
        Cases cases = new Cases()
                .refused("a payload of 8 bytes", Errno.EINVAL, Commands.GET_IRQ_INFO, new Payload().zeroes(8))
                .refused("argsz 8", Errno.EINVAL, Commands.GET_IRQ_INFO, Requests.irqInfo(8, 4))
                .refused("index 5", Errno.EINVAL, Commands.GET_IRQ_INFO, Requests.irqInfo(16, 5))
                .refused("index 2^31", Errno.EINVAL, Commands.GET_IRQ_INFO, Requests.irqInfo(16, 1 << 31))
                .refused("index 2^32-1", Errno.EINVAL, Commands.GET_IRQ_INFO, Requests.irqInfo(16, -1));
        irq(cases, "INTx is one, maskable and automasked", 0, 7, 1);
        irq(cases, "MSI", 1, 9, Card.MSI_COUNT);
        irq(cases, "MSI-X", 2, 11, Card.MSIX_COUNT);
        irq(cases, "ERR", 3, 1, 1);
        irq(cases, "REQ", 4, 1, 1);
        return cases.run();
    }

    /**
     * QEMU warns about a kind with a count of 0 and accepts an error; other clients expect the count.
     */
    @TestFactory
    Stream<DynamicTest> missingIrqs() {
        return new Cases()
                .add("a kind that the device does not have has no interrupts", (rig, client) -> {
                    rig.card.irqs.remove(3);
                    Message info = client.negotiate().ok(Commands.GET_IRQ_INFO, Requests.irqInfo(16, 3));
                    assertEquals(List.of(16, 0, 3, 0), words(info), "argsz, flags, index, count");
                })
                .add("a kind that the device does not have is EINVAL to QEMU", (rig, client) -> {
                    rig.card.irqs.remove(3);
                    client.negotiateAsQemu().refused(Errno.EINVAL, Commands.GET_IRQ_INFO, Requests.irqInfo(16, 3));
                })
                .runSilent();
    }

    private static void irq(Cases cases, String name, int index, int flags, int count) {
        for (int argsz : new int[] {16, 32}) {
            cases.add(name + ", with argsz " + argsz, (_, client) -> {
                Message info = client.ok(Commands.GET_IRQ_INFO, Requests.irqInfo(argsz, index));
                assertEquals(16, info.size());
                assertEquals(List.of(16, flags, index, count), words(info), "argsz, flags, index, count");
            });
        }
    }

    private static List<Integer> words(Message message) {
        return List.of(message.u32(0), message.u32(4), message.u32(8), message.u32(12));
    }
}
