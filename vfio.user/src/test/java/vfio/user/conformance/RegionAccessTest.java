package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContext;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** REGION_READ, REGION_WRITE and REGION_WRITE_MULTI. */
final class RegionAccessTest {
    private static final int MAX_DATA = 1 << 20;

    @TestFactory
    Stream<DynamicTest> reads() {
        Cases cases = new Cases();
        badPlaces(cases, "a read", Commands.REGION_READ, false);
        cases.refused("a read of 8 bytes of payload", Errno.EINVAL, Commands.REGION_READ, new Payload().zeroes(8));
        cases.refused(
                "a read of 15 bytes of payload",
                Errno.EINVAL,
                Commands.REGION_READ,
                Requests.read(0, 0, 4).cut(15));
        cases.refused(
                "a read above max_data_xfer_size",
                Errno.EINVAL,
                Commands.REGION_READ,
                Requests.read(4, 0, MAX_DATA + 1));
        cases.refused("a read of 2^32-1 bytes", Errno.EINVAL, Commands.REGION_READ, Requests.read(4, 0, 0xffff_ffffL));
        return cases.run();
    }

    @TestFactory
    Stream<DynamicTest> writes() {
        Cases cases = new Cases();
        badPlaces(cases, "a write", Commands.REGION_WRITE, true);
        cases.refused("a write of 8 bytes of payload", Errno.EINVAL, Commands.REGION_WRITE, new Payload().zeroes(8));
        cases.refused(
                "a write with less data than its count",
                Errno.EINVAL,
                Commands.REGION_WRITE,
                Requests.read(0, 0, 4).zeroes(3));
        cases.refused(
                "a write with more data than its count",
                Errno.EINVAL,
                Commands.REGION_WRITE,
                Requests.read(0, 0, 4).zeroes(5));
        cases.refused("a write without data", Errno.EINVAL, Commands.REGION_WRITE, Requests.read(0, 0, 4));
        cases.refused(
                "a write of 2^32-1 bytes",
                Errno.EINVAL,
                Commands.REGION_WRITE,
                Requests.read(4, 0, 0xffff_ffffL).zeroes(16));
        return cases.run();
    }

    private static void badPlaces(Cases cases, String what, int command, boolean data) {
        record Place(String name, int region, long offset, int count) {}
        for (Place place : new Place[] {
            new Place("that ends behind the region", 0, Card.BAR0_SIZE - 3, 4),
            new Place("at the end of the region", 0, Card.BAR0_SIZE, 1),
            new Place("of more than the region", 0, 0, Card.BAR0_SIZE + 1),
            new Place("far behind the region", 0, 1L << 40, 4),
            new Place("at 2^63", 0, 1L << 63, 4),
            new Place("at 2^63-4", 4, (1L << 63) - 4, 4),
            new Place("at 2^64-1", 7, -1, 256),
            new Place("that wraps to 0", 0, -4, 8),
            new Place("behind 8 GiB", 4, Card.BAR4_SIZE - 1, 2),
            new Place("of a region of size 0", 5, 0, 1),
            new Place("of region 9", 9, 0, 4),
            new Place("of region 2^31", 1 << 31, 0, 4),
            new Place("of region 2^32-1", -1, 0, 4)
        }) {
            Payload payload = Requests.read(place.region, place.offset, place.count);
            cases.add(what + " " + place.name + " is EINVAL, and does not reach the device", (rig, client) -> {
                client.refused(Errno.EINVAL, command, data ? payload.zeroes(place.count) : payload);
                assertEquals(0, rig.card.accesses.get(), "accesses");
            });
        }
    }

    @TestFactory
    Stream<DynamicTest> accesses() {
        Cases cases = new Cases();
        for (int size : new int[] {1, 2, 3, 4, 8, 16, 4095, 4096}) {
            cases.add("what was written with " + size + " bytes is read back", (rig, client) -> {
                byte[] data = random(size);
                int offset = Card.BAR0_SIZE - size;
                client.write(0, offset, data);
                assertArrayEquals(data, client.read(0, offset, size));
                assertEquals(2, rig.card.accesses.get());
            });
        }
        for (long offset : new long[] {0, (1L << 32) - 3, 1L << 32, Card.BAR4_SIZE - 8}) {
            cases.add("8 bytes at " + offset + " of 8 GiB", (_, client) -> {
                byte[] expected = new byte[8];
                for (int i = 0; i < 8; i++) {
                    expected[i] = Card.farByte(offset + i);
                }
                assertArrayEquals(expected, client.read(4, offset, 8));
            });
        }
        cases.add("max_data_xfer_size bytes are read", (_, client) -> {
            byte[] data = client.read(4, 1L << 32, MAX_DATA);
            for (int i = 0; i < MAX_DATA; i++) {
                assertEquals(Card.farByte((1L << 32) + i), data[i]);
            }
        });
        cases.add("max_data_xfer_size bytes are written", (_, client) -> {
            client.write(4, 0, new byte[MAX_DATA]);
            client.requireAlive();
        });
        for (long offset : new long[] {0, Card.BAR0_SIZE}) {
            cases.add("no bytes at " + offset + " succeed without a call of the device", (rig, client) -> {
                client.read(0, offset, 0);
                client.write(0, offset);
                assertEquals(0, rig.card.accesses.get(), "accesses");
            });
        }
        cases.add(
                "no bytes behind the region are EINVAL",
                (_, client) ->
                        client.refused(Errno.EINVAL, Commands.REGION_READ, Requests.read(0, Card.BAR0_SIZE + 1, 0)));
        cases.add("the configuration space is a region like any other", (_, client) -> {
            client.write(7, 0xfe, (byte) 0x12, (byte) 0x34);
            assertArrayEquals(new byte[] {0x12, 0x34}, client.read(7, 0xfe, 2));
        });
        cases.add("a write without an answer is done before the read behind it", (_, client) -> {
            for (int i = 1; i <= 100; i++) {
                client.post(Commands.REGION_WRITE, Requests.write(0, 8, (byte) i));
                assertEquals(i, client.read(0, 8, 1)[0]);
            }
        });
        return cases.run();
    }

    @TestFactory
    Stream<DynamicTest> failingDevices() {
        Cases cases = new Cases();
        for (Errno errno : new Errno[] {Errno.EINVAL, Errno.EIO, Errno.ENXIO, Errno.EPERM, Errno.ETIMEDOUT}) {
            cases.add("a device's " + errno + " reaches the client", (rig, client) -> {
                rig.card.onDoorbell = _ -> {
                    throw new ErrnoException(errno);
                };
                client.refused(errno, Commands.REGION_READ, Requests.read(1, 0, 4));
                client.refused(errno, Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
            });
        }
        cases.add("a device that throws is EIO", (rig, client) -> {
            rig.card.onDoorbell = _ -> {
                throw new IllegalStateException("a bug of the device");
            };
            client.refused(Errno.EIO, Commands.REGION_READ, Requests.read(1, 0, 4));
            client.refused(Errno.EIO, Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
        });
        cases.add("a device that overflows its stack is EIO", (rig, client) -> {
            rig.card.onDoorbell = new Card.Action() {
                @Override
                @SuppressWarnings("InfiniteRecursion")
                public void run(VfioContext context) throws ErrnoException {
                    run(context);
                }
            };
            client.refused(Errno.EIO, Commands.REGION_READ, Requests.read(1, 0, 4));
        });
        cases.add("a device that fails behind a write without answer is not heard of", (rig, client) -> {
            rig.card.onDoorbell = _ -> {
                throw new ErrnoException(Errno.EIO);
            };
            client.post(Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
            client.requireAlive();
        });
        cases.add("a device that fails in a reset fails the reset", (rig, client) -> {
            rig.card.onReset = _ -> {
                throw new ErrnoException(Errno.EBUSY);
            };
            client.refused(Errno.EBUSY, Commands.RESET, new Payload());
        });
        return cases.run();
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private static Payload entry(Payload payload, int region, long offset, int count, long data) {
        return payload.u64(offset).u32(region).u32(count).u64(data);
    }

    @TestFactory
    Stream<DynamicTest> multi() {
        Cases cases = new Cases();
        cases.refused("WRITE_MULTI of 7 bytes", Errno.EINVAL, Commands.WRITE_MULTI, new Payload().zeroes(7));
        for (long count : new long[] {2, 0x0aaa_aaaa_aaaa_aaabL, 1L << 61, 1L << 63, -1}) {
            cases.refused(
                    "WRITE_MULTI with " + Long.toUnsignedString(count) + " announced and one there",
                    Errno.EINVAL,
                    Commands.WRITE_MULTI,
                    entry(new Payload().u64(count), 0, 0, 4, 1));
        }
        cases.refused(
                "WRITE_MULTI of 9 bytes in an entry",
                Errno.EINVAL,
                Commands.WRITE_MULTI,
                entry(new Payload().u64(1), 0, 0, 9, 1));
        cases.refused(
                "WRITE_MULTI of 2^32-1 bytes in an entry",
                Errno.EINVAL,
                Commands.WRITE_MULTI,
                entry(new Payload().u64(1), 0, 0, -1, 1));
        cases.refused(
                "WRITE_MULTI to region 9", Errno.EINVAL, Commands.WRITE_MULTI, entry(new Payload().u64(1), 9, 0, 4, 1));
        cases.refused(
                "WRITE_MULTI behind a region",
                Errno.EINVAL,
                Commands.WRITE_MULTI,
                entry(new Payload().u64(1), 0, Card.BAR0_SIZE, 1, 1));
        cases.add("the entries are written in order", (rig, client) -> {
            Payload payload = new Payload().u64(5);
            entry(payload, 0, 16, 8, 0x1111_1111_1111_1111L);
            entry(payload, 0, 16, 4, 0x2222_2222L);
            entry(payload, 0, 17, 1, 0x33);
            entry(payload, 7, 0, 2, 0x4444);
            entry(payload, 0, 23, 1, 0x55);
            Message answer = client.ok(Commands.WRITE_MULTI, payload);
            assertEquals(8, answer.size());
            assertEquals(5, answer.u64(0), "writes completed");
            assertArrayEquals(new byte[] {0x22, 0x33, 0x22, 0x22, 0x11, 0x11, 0x11, 0x55}, client.read(0, 16, 8));
            assertArrayEquals(new byte[] {0x44, 0x44}, client.read(7, 0, 2));
            assertEquals(7, rig.card.accesses.get());
        });
        cases.add("200 entries without answer, as QEMU sends them", (_, client) -> {
            Payload payload = new Payload().u64(200);
            for (int i = 0; i < 200; i++) {
                entry(payload, 0, i * 8L, 8, i);
            }
            client.post(Commands.WRITE_MULTI, payload);
            byte[] written = client.read(0, 0, 1600);
            for (int i = 0; i < 200; i++) {
                assertEquals((byte) i, written[i * 8]);
            }
        });
        cases.add("no entries are no writes", (rig, client) -> {
            assertEquals(
                    0, client.ok(Commands.WRITE_MULTI, new Payload().u64(0)).u64(0));
            assertEquals(0, rig.card.accesses.get());
        });
        cases.add("an entry that the device refuses fails the message", (rig, client) -> {
            rig.card.onDoorbell = _ -> {
                throw new ErrnoException(Errno.ENXIO);
            };
            Payload payload = new Payload().u64(2);
            entry(payload, 0, 0, 1, 7);
            entry(payload, 1, 0, 1, 7);
            client.refused(Errno.ENXIO, Commands.WRITE_MULTI, payload);
            assertEquals(7, client.read(0, 0, 1)[0], "the one before it is written");
        });
        return cases.run();
    }

    @TestFactory
    Stream<DynamicTest> resets() {
        return new Cases()
                .add("a reset is the device's, and has no payload", (rig, client) -> {
                    assertEquals(0, client.ok(Commands.RESET, new Payload()).size());
                    assertEquals(1, rig.card.resets.get());
                })
                .add("a reset with a payload is EINVAL or a reset", (_, client) -> {
                    client.call(Commands.RESET, new Payload().zeroes(8));
                    client.requireAlive();
                })
                .add("a reset leaves interrupts and mappings as they are", (rig, client) -> {
                    client.ok(
                            Commands.SET_IRQS,
                            Requests.setIrqs(Requests.EVENTFD | Requests.TRIGGER, 1, 0, 1),
                            rig.eventFd().fd());
                    client.ok(Commands.DMA_MAP, Requests.map(Requests.RW, 0, 0, 4096), rig.memory(4096));
                    client.ok(Commands.RESET, new Payload());
                    assertTrue(rig.card.context().armed(1, 0), "armed");
                    client.ok(Commands.DMA_UNMAP, Requests.unmap(0, 4096));
                })
                .run();
    }
}
