package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static vfio.user.conformance.Requests.BOOL;
import static vfio.user.conformance.Requests.EVENTFD;
import static vfio.user.conformance.Requests.MASK;
import static vfio.user.conformance.Requests.NONE;
import static vfio.user.conformance.Requests.TRIGGER;
import static vfio.user.conformance.Requests.UNMASK;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** SET_IRQS: valid requests (libvfio-user's test_device_set_irqs.py) and their effects. */
final class SetIrqsTest {
    private static final int INTX = 0;
    private static final int MSI = 1;
    private static final int MSIX = 2;
    private static final int ERR = 3;
    private static final int REQ = 4;
    private static final byte YES = 1;
    private static final byte NO = 0;

    @TestFactory
    Stream<DynamicTest> refusals() {
        Cases cases = new Cases();
        refused(cases, "a payload of 8 bytes", new Payload().zeroes(8));
        refused(
                cases,
                "a payload of 19 bytes",
                Requests.setIrqs(NONE | TRIGGER, REQ, 0, 0).cut(19));
        refused(cases, "argsz 3", Requests.setIrqsOf(3, NONE | TRIGGER, REQ, 0, 0));
        refused(cases, "argsz 19", Requests.setIrqsOf(19, NONE | TRIGGER, REQ, 0, 0));
        refused(cases, "argsz without the bools", Requests.setIrqsOf(20, BOOL | TRIGGER, MSIX, 0, 2, YES, YES));
        refused(cases, "index 5", Requests.setIrqs(NONE | TRIGGER, 5, 0, 0));
        refused(cases, "index 2^31", Requests.setIrqs(NONE | TRIGGER, 1 << 31, 0, 0));
        refused(cases, "index 2^32-1", Requests.setIrqs(NONE | TRIGGER, -1, 0, 0));
        refused(cases, "no flags", Requests.setIrqs(0, MSIX, 0, 1));
        refused(cases, "no action", Requests.setIrqs(NONE, MSIX, 0, 1));
        refused(cases, "no data type", Requests.setIrqs(TRIGGER, MSIX, 0, 1));
        refused(cases, "MASK and UNMASK", Requests.setIrqs(MASK | UNMASK, MSIX, 0, 0));
        refused(cases, "MASK and UNMASK with NONE", Requests.setIrqs(NONE | MASK | UNMASK, MSIX, 0, 1));
        refused(cases, "MASK and TRIGGER", Requests.setIrqs(NONE | MASK | TRIGGER, MSIX, 0, 1));
        refused(cases, "NONE and BOOL", Requests.setIrqs(MASK | NONE | BOOL, MSIX, 0, 0));
        refused(cases, "NONE and BOOL with a bool", Requests.setIrqs(MASK | NONE | BOOL, MSIX, 0, 1, YES));
        refused(cases, "NONE and EVENTFD", Requests.setIrqs(TRIGGER | NONE | EVENTFD, MSIX, 0, 1));
        refused(cases, "unknown flag 0x40", Requests.setIrqs(NONE | TRIGGER | 0x40, MSIX, 0, 1));
        refused(cases, "unknown flag 2^31", Requests.setIrqs(NONE | TRIGGER | 1 << 31, MSIX, 0, 1));
        refused(cases, "a range that ends behind the last", Requests.setIrqs(NONE | MASK, MSIX, 2047, 2));
        refused(cases, "a start at the count", Requests.setIrqs(NONE | MASK, MSIX, 2048, 1));
        refused(cases, "a start behind the count", Requests.setIrqs(NONE | MASK, MSIX, 2049, 1));
        refused(cases, "a start of 2^32-1", Requests.setIrqs(NONE | MASK, MSIX, -1, 2));
        refused(cases, "a count of 2^32-1", Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 284, -1));
        refused(cases, "a count of 2^31", Requests.setIrqs(NONE | TRIGGER, MSIX, 0, 1 << 31));
        refused(cases, "a second INTx", Requests.setIrqs(NONE | TRIGGER, INTX, 0, 2));
        for (int index : new int[] {ERR, REQ}) {
            String name = index == ERR ? "ERR" : "REQ";
            refused(cases, "MASK of " + name, Requests.setIrqs(NONE | MASK, index, 0, 1));
            refused(cases, "UNMASK of " + name, Requests.setIrqs(NONE | UNMASK, index, 0, 1));
            refused(cases, "two of " + name, Requests.setIrqs(NONE | TRIGGER, index, 0, 2));
        }
        refused(cases, "count 0 with a start", Requests.setIrqs(NONE | MASK, MSIX, 1, 0));
        refused(cases, "count 0 with a start and TRIGGER", Requests.setIrqs(NONE | TRIGGER, MSIX, 1, 0));
        refused(cases, "count 0 with MASK", Requests.setIrqs(NONE | MASK, MSIX, 0, 0));
        refused(cases, "count 0 with UNMASK", Requests.setIrqs(NONE | UNMASK, MSIX, 0, 0));
        refused(cases, "count 0 with BOOL", Requests.setIrqs(BOOL | TRIGGER, MSIX, 0, 0));
        refused(cases, "count 0 with EVENTFD", Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 0));
        refused(cases, "no bool for one", Requests.setIrqs(BOOL | TRIGGER, MSIX, 0, 1));
        refused(cases, "one bool for two", Requests.setIrqs(BOOL | TRIGGER, MSIX, 0, 2, NO));
        refused(cases, "three bools for two", Requests.setIrqs(BOOL | TRIGGER, MSIX, 0, 2, NO, NO, NO));
        return cases.run();
    }

    private static void refused(Cases cases, String name, Payload payload) {
        cases.refused(name, Errno.EINVAL, Commands.SET_IRQS, payload);
    }

    /** Descriptors that do not match the request are EINVAL, are closed, and arm nothing. */
    @TestFactory
    Stream<DynamicTest> refusedDescriptors() {
        Cases cases = new Cases();
        descriptors(cases, "one with BOOL", Errno.EINVAL, Requests.setIrqs(BOOL | TRIGGER, MSIX, 0, 1, NO), 1);
        descriptors(cases, "one with NONE", Errno.EINVAL, Requests.setIrqs(NONE | TRIGGER, MSIX, 0, 1), 1);
        descriptors(cases, "one for two", Errno.EINVAL, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 2), 1);
        descriptors(cases, "three for two", Errno.EINVAL, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 2), 3);
        descriptors(cases, "one for none", Errno.EINVAL, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 0), 1);
        descriptors(cases, "one for vector 2048", Errno.EINVAL, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 2048, 1), 1);
        descriptors(cases, "one for index 5", Errno.EINVAL, Requests.setIrqs(EVENTFD | TRIGGER, 5, 0, 1), 1);
        cases.refused(
                "MASK of what IRQ_INFO does not call maskable",
                Errno.ENOTTY,
                Commands.SET_IRQS,
                Requests.setIrqs(NONE | MASK, MSI, 0, 1));
        cases.refused(
                "UNMASK of what IRQ_INFO does not call maskable",
                Errno.ENOTTY,
                Commands.SET_IRQS,
                Requests.setIrqs(NONE | UNMASK, MSI, 0, 1));
        descriptors(cases, "one to mask by", Errno.ENOTTY, Requests.setIrqs(EVENTFD | MASK, MSIX, 0, 1), 1);
        descriptors(cases, "one to unmask INTx by", Errno.ENOTTY, Requests.setIrqs(EVENTFD | UNMASK, INTX, 0, 1), 1);
        cases.add("a descriptor that is not an eventfd is EINVAL, and nothing is armed", (rig, client) -> {
            Fd event = rig.eventFd().fd();
            Fd memory = rig.memory(4096);
            Map<String, Integer> held = Descriptors.open();
            client.refused(
                    Errno.EINVAL, Commands.SET_IRQS, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 2), event, memory);
            Rig.await("descriptors", held, Descriptors::open);
            assertFalse(rig.card.context().armed(MSIX, 0), "armed");
        });
        return cases.run();
    }

    private static void descriptors(Cases cases, String name, Errno errno, Payload payload, int count) {
        cases.add(name + " is " + errno, (rig, client) -> {
            Fd[] fds = new Fd[count];
            for (int i = 0; i < count; i++) {
                fds[i] = rig.eventFd().fd();
            }
            Map<String, Integer> held = Descriptors.open();
            client.refused(errno, Commands.SET_IRQS, payload, fds);
            Rig.await("descriptors", held, Descriptors::open);
            assertFalse(rig.card.context().armed(MSIX, 0), "armed");
        });
    }

    private static void set(Client client, Payload payload, EventFd... events) throws Exception {
        Fd[] fds = Stream.of(events).map(EventFd::fd).toArray(Fd[]::new);
        assertEquals(0, client.ok(Commands.SET_IRQS, payload, fds).size(), "payload of the answer");
    }

    private static List<Long> counts(EventFd... events) {
        return Stream.of(events).map(EventFd::read).toList();
    }

    @TestFactory
    Stream<DynamicTest> edges() {
        return new Cases()
                .add("the device's interrupt reaches the eventfd of its vector", (rig, client) -> {
                    EventFd first = rig.eventFd();
                    EventFd second = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 3, 2), first, second);
                    rig.card.context().trigger(MSIX, 4);
                    rig.card.context().trigger(MSIX, 4);
                    rig.card.context().trigger(MSIX, 5);
                    assertEquals(List.of(0L, 2L), counts(first, second));
                })
                .add("an argsz that counts descriptors, as QEMU's does, is good", (rig, client) -> {
                    EventFd event = rig.eventFd();
                    set(client, Requests.setIrqsOf(24, EVENTFD | TRIGGER, MSI, 0, 1), event);
                    rig.card.context().trigger(MSI, 0);
                    assertEquals(List.of(1L), counts(event));
                })
                .add("another eventfd takes the place of the first, which is closed", (rig, client) -> {
                    EventFd old = rig.eventFd();
                    EventFd fresh = rig.eventFd();
                    int held = Descriptors.open(Descriptors.EVENTFD);
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSI, 0, 1), old);
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSI, 0, 1), fresh);
                    rig.card.context().trigger(MSI, 0);
                    assertEquals(List.of(0L, 1L), counts(old, fresh));
                    Rig.await("one more", held + 1, () -> Descriptors.open(Descriptors.EVENTFD));
                })
                .add("NONE with TRIGGER raises it as the device would", (rig, client) -> {
                    EventFd first = rig.eventFd();
                    EventFd second = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 2), first, second);
                    set(client, Requests.setIrqs(NONE | TRIGGER, MSIX, 1, 1));
                    assertEquals(List.of(0L, 1L), counts(first, second));
                })
                .add("BOOL with TRIGGER raises those that are true", (rig, client) -> {
                    EventFd first = rig.eventFd();
                    EventFd second = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 2), first, second);
                    set(client, Requests.setIrqs(BOOL | TRIGGER, MSIX, 0, 2, NO, YES));
                    assertEquals(List.of(0L, 1L), counts(first, second));
                    set(client, Requests.setIrqs(BOOL | TRIGGER, MSIX, 0, 2, YES, (byte) 0x80));
                    assertEquals(List.of(1L, 1L), counts(first, second));
                })
                .add(
                        "a trigger of an unarmed interrupt is dropped",
                        (_, client) -> set(client, Requests.setIrqs(NONE | TRIGGER, MSIX, 0, 2)))
                .add("what is masked is raised when it is unmasked", (rig, client) -> {
                    EventFd event = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 1), event);
                    set(client, Requests.setIrqs(NONE | MASK, MSIX, 0, 1));
                    rig.card.context().trigger(MSIX, 0);
                    assertEquals(List.of(0L), counts(event));
                    set(client, Requests.setIrqs(BOOL | UNMASK, MSIX, 0, 1, NO));
                    rig.card.context().trigger(MSIX, 0);
                    assertEquals(List.of(0L), counts(event));
                    set(client, Requests.setIrqs(BOOL | UNMASK, MSIX, 0, 1, YES));
                    assertEquals(List.of(1L), counts(event), "what was raised while it was masked");
                    rig.card.context().trigger(MSIX, 0);
                    assertEquals(List.of(1L), counts(event));
                })
                .add("EVENTFD without descriptors takes the triggers of the range back", (rig, client) -> {
                    EventFd first = rig.eventFd();
                    EventFd second = rig.eventFd();
                    Map<String, Integer> held = Descriptors.open();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSI, 0, 2), first, second);
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSI, 1, 1));
                    rig.card.context().trigger(MSI, 0);
                    rig.card.context().trigger(MSI, 1);
                    assertEquals(List.of(1L, 0L), counts(first, second));
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSI, 0, Card.MSI_COUNT));
                    assertFalse(rig.card.context().armed(MSI, 0), "armed");
                    Rig.await("descriptors", held, Descriptors::open);
                })
                .add("count 0 takes back all of the kind, and of no other", (rig, client) -> {
                    EventFd msi = rig.eventFd();
                    EventFd msix = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSI, 3, 1), msi);
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 2047, 1), msix);
                    set(client, Requests.setIrqs(NONE | TRIGGER, MSI, 0, 0));
                    rig.card.context().trigger(MSI, 3);
                    rig.card.context().trigger(MSIX, 2047);
                    assertEquals(List.of(0L, 1L), counts(msi, msix));
                })
                .add("2048 vectors are armed 16 at a time, and each has its own", (rig, client) -> {
                    EventFd[] events = new EventFd[16];
                    for (int i = 0; i < events.length; i++) {
                        events[i] = rig.eventFd();
                    }
                    for (int start = 0; start < Card.MSIX_COUNT; start += events.length) {
                        set(client, Requests.setIrqs(EVENTFD | TRIGGER, MSIX, start, events.length), events);
                    }
                    IntStream.range(0, Card.MSIX_COUNT)
                            .forEach(vector -> rig.card.context().trigger(MSIX, vector));
                    for (EventFd event : events) {
                        assertEquals(Card.MSIX_COUNT / 16, event.read());
                    }
                    set(client, Requests.setIrqs(NONE | TRIGGER, MSIX, 0, 0));
                })
                .add("ERR and REQ are raised by the device", (rig, client) -> {
                    EventFd err = rig.eventFd();
                    EventFd req = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, ERR, 0, 1), err);
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, REQ, 0, 1), req);
                    rig.card.context().trigger(ERR, 0);
                    assertEquals(List.of(1L, 0L), counts(err, req));
                    rig.card.context().trigger(REQ, 0);
                    assertEquals(List.of(0L, 1L), counts(err, req));
                    set(client, Requests.setIrqs(NONE | TRIGGER, REQ, 0, 0));
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, ERR, 0, 1));
                })
                .run();
    }

    @TestFactory
    Stream<DynamicTest> intx() {
        return new Cases()
                .add("a high line signals once, and again after UNMASK while it is high", (rig, client) -> {
                    EventFd event = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, INTX, 0, 1), event);
                    rig.card.context().setIntx(true);
                    rig.card.context().setIntx(true);
                    assertEquals(List.of(1L), counts(event));
                    set(client, Requests.setIrqs(NONE | UNMASK, INTX, 0, 1));
                    assertEquals(List.of(1L), counts(event));
                    rig.card.context().setIntx(false);
                    set(client, Requests.setIrqs(NONE | UNMASK, INTX, 0, 1));
                    assertEquals(List.of(0L), counts(event));
                })
                .add("a line that is high before it is armed signals when it is", (rig, client) -> {
                    EventFd event = rig.eventFd();
                    rig.card.context().setIntx(true);
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, INTX, 0, 1), event);
                    assertEquals(List.of(1L), counts(event));
                })
                .add("a masked line is silent", (rig, client) -> {
                    EventFd event = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, INTX, 0, 1), event);
                    set(client, Requests.setIrqs(NONE | MASK, INTX, 0, 1));
                    rig.card.context().setIntx(true);
                    assertEquals(List.of(0L), counts(event));
                    set(client, Requests.setIrqs(NONE | UNMASK, INTX, 0, 1));
                    assertEquals(List.of(1L), counts(event));
                })
                .add("a trigger of the client's signals whatever the line is", (rig, client) -> {
                    EventFd event = rig.eventFd();
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, INTX, 0, 1), event);
                    set(client, Requests.setIrqs(NONE | TRIGGER, INTX, 0, 1));
                    assertEquals(List.of(1L), counts(event));
                })
                .add("a device that raises it inside an access has raised it before the answer", (rig, client) -> {
                    EventFd event = rig.eventFd();
                    rig.card.onDoorbell = context -> context.setIntx(true);
                    set(client, Requests.setIrqs(EVENTFD | TRIGGER, INTX, 0, 1), event);
                    client.write(1, 0, (byte) 1);
                    assertEquals(List.of(1L), counts(event));
                })
                .run();
    }
}
