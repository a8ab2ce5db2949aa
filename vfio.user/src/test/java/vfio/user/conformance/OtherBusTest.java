package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Requests.EVENTFD;
import static vfio.user.conformance.Requests.MASK;
import static vfio.user.conformance.Requests.NONE;
import static vfio.user.conformance.Requests.TRIGGER;
import static vfio.user.conformance.Requests.UNMASK;

import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.vfio.VfioCcw;
import mdev.linux.EventFd;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import vfio.mdev.TestPlatform;

/** What a device that is not PCI says of itself reaches its client unchanged, to the byte. */
final class OtherBusTest {
    /** Argsz, flags, index and the offset of the chain; size; offset. */
    private static final int HEAD = 32;

    private record Served(Rig rig, Mdev mdev, ChannelDevice device, Client client) {
        /** The answer to a request, as hexadecimal words of four bytes. */
        String answer(int command, Payload request) throws Exception {
            byte[] bytes = client.ok(command, request).closeFds().bytes(0);
            return HexFormat.of().formatHex(bytes).replaceAll("(.{8})(?=.)", "$1 ");
        }
    }

    @FunctionalInterface
    private interface Script {
        void run(Served served) throws Exception;
    }

    private static Cases.Case with(Script script) {
        return (rig, _) -> {
            var device = new ChannelDevice();
            Mdev mdev = rig.platform.add(VfioCcw.DEVICE_API, 1, device);
            Client client = rig.owned(Client.connect(rig.socket(mdev)));
            script.run(new Served(rig, mdev, device, client.negotiate()));
        };
    }

    @TestFactory
    Stream<DynamicTest> infos() {
        return new Cases()
                .add(
                        "the device has the flag of its API and no other",
                        with(served -> assertEquals(
                                "10000000 10000000 04000000 03000000",
                                served.answer(Commands.GET_INFO, Requests.info(16)))))
                .add(
                        "a region with a fixed index has no capabilities",
                        with(served -> assertEquals(
                                "20000000 03000000 00000000 00000000 7c000000 00000000 00000000 00000000",
                                served.answer(Commands.GET_REGION_INFO, Requests.regionInfo(4096, 0)))))
                .add(
                        "a typed region has VFIO_REGION_INFO_CAP_TYPE, version 1",
                        with(served -> assertEquals(
                                "30000000 0b000000 01000000 20000000 08000000 00000000 00000000 00000000"
                                        + " 02000100 00000000 02000000 01000000",
                                served.answer(Commands.GET_REGION_INFO, Requests.regionInfo(4096, 1)))))
                .add(
                        "a typed region that cannot be written says so",
                        with(served -> assertEquals(
                                "30000000 09000000 02000000 20000000 34000000 00000000 00000000 00000000"
                                        + " 02000100 00000000 02000000 02000000",
                                served.answer(Commands.GET_REGION_INFO, Requests.regionInfo(4096, 2)))))
                .add(
                        "a typed region that can be mapped has a chain of two, in the device's order",
                        with(served -> assertEquals(
                                "50000000 0f000000 03000000 20000000 00300000 00000000 00000000 00000000"
                                        + " 02000100 30000000 07000000 09000000"
                                        + " 01000100 00000000 01000000 00000000"
                                        + " 00100000 00000000 00200000 00000000",
                                served.answer(Commands.GET_REGION_INFO, Requests.regionInfo(4096, 3)))))
                .add(
                        "without room for the chain there is the size that it needs",
                        with(served -> assertEquals(
                                "30000000 03000000 01000000 00000000 08000000 00000000 00000000 00000000",
                                served.answer(Commands.GET_REGION_INFO, Requests.regionInfo(HEAD, 1)))))
                .add("every kind of interrupt is one edge", with(served -> {
                    for (int index = 0; index < VfioCcw.NUM_IRQS; index++) {
                        assertEquals(
                                "10000000 01000000 0%d000000 01000000".formatted(index),
                                served.answer(Commands.GET_IRQ_INFO, Requests.irqInfo(16, index)));
                    }
                    served.client.refused(Errno.EINVAL, Commands.GET_IRQ_INFO, Requests.irqInfo(16, 3));
                }))
                .add("its usage names no options that cannot work", with(served -> {
                    String uuid = served.mdev.uuid().toString();
                    assertEquals(
                            Map.of(
                                    "socket",
                                    served.rig.socket(served.mdev).toString(),
                                    "qemu",
                                    "cannot attach a vfio-ccw device: it has only vfio-user-pci"),
                            served.rig.server.usage(uuid, served.mdev.deviceApi()));
                }))
                .run();
    }

    @TestFactory
    Stream<DynamicTest> accesses() {
        return new Cases()
                .add("the errno of the device is the client's", with(served -> {
                    served.client.refused(
                            Errno.EBUSY,
                            Commands.REGION_WRITE,
                            Requests.write(VfioCcw.CONFIG_REGION, ChannelDevice.BUSY, new byte[4]));
                    served.client.refused(
                            Errno.EINVAL, Commands.REGION_WRITE, Requests.write(ChannelDevice.SCHIB, 0, new byte[4]));
                    served.client.refused(
                            Errno.EINVAL, Commands.REGION_READ, Requests.read(VfioCcw.CONFIG_REGION, 121, 4));
                    served.client.write(VfioCcw.CONFIG_REGION, 0, (byte) 1, (byte) 2);
                    assertArrayEquals(new byte[] {1, 2}, served.client.read(VfioCcw.CONFIG_REGION, 0, 2));
                }))
                .add("while it is stopped no region is reached: none is PCI's configuration space", with(served -> {
                    new Migrating(served.client).set(Migrating.STOP);
                    for (int region = 0; region < 4; region++) {
                        served.client.refused(Errno.EBUSY, Commands.REGION_READ, Requests.read(region, 0, 4));
                    }
                    new Migrating(served.client).set(Migrating.RUNNING);
                    served.client.read(VfioCcw.CONFIG_REGION, 0, 4);
                }))
                .run();
    }

    @TestFactory
    Stream<DynamicTest> interrupts() {
        return new Cases()
                .add("index 0 is an edge, not a line", with(served -> {
                    EventFd event = armed(served, VfioCcw.IO_IRQ);
                    served.device.context().trigger(VfioCcw.IO_IRQ, 0);
                    served.device.context().trigger(VfioCcw.IO_IRQ, 0);
                    served.device.context().setIntx(true);
                    assertEquals(2, event.read());
                }))
                .add("MASK and UNMASK are EINVAL, as in the kernel", with(served -> {
                    for (int index = 0; index < VfioCcw.NUM_IRQS; index++) {
                        for (int action : List.of(MASK, UNMASK)) {
                            served.client.refused(
                                    Errno.EINVAL, Commands.SET_IRQS, Requests.setIrqs(NONE | action, index, 0, 1));
                        }
                    }
                }))
                .add("before the removal the client is asked by REQ, index 2", with(served -> {
                    EventFd request = armed(served, VfioCcw.REQ_IRQ);
                    FutureTask<Void> removal = Dma.start(() -> {
                        served.rig.platform.remove(served.mdev);
                        return null;
                    });
                    assertTrue(request.await(TestPlatform.PATIENCE), "asked");
                    served.client.close();
                    Dma.get(removal);
                }))
                .run();
    }

    private static EventFd armed(Served served, int index) throws Exception {
        EventFd event = served.rig.eventFd();
        served.client.ok(Commands.SET_IRQS, Requests.setIrqs(EVENTFD | TRIGGER, index, 0, 1), event.fd());
        return event;
    }
}
