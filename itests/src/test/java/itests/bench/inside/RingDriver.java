package itests.bench.inside;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.VfioPci;

/** A driver of the engine of {@code vendor.gpu-sim}, written from its data sheet. Not thread-safe. */
final class RingDriver {
    static final int SLOTS = 256;

    private static final ValueLayout.OfInt NUMBER = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final int SLOT = 64;
    private static final int PAGE = 4096;
    private static final long RING = 0x1_0000_0000L;

    private static final int RING_BASE = 0x10;
    private static final int RING_SLOTS = 0x18;
    private static final int CONTROL = 0x1c;
    private static final int HEAD = 0x20;
    private static final int TAIL = 0x24;
    private static final int FENCE = 0x28;
    private static final int FENCE_COMMAND = 8;

    private final User user;
    private final MemorySegment ring;
    private final MemorySegment register = MemorySegment.ofArray(new byte[Integer.BYTES]);
    private int tail;
    private int fences;

    /** The last known value of HEAD. */
    private int head;

    /** Starts the ring of a vGPU. */
    RingDriver(User user, Arena arena) throws ErrnoException {
        this.user = user;
        ring = arena.allocate(SLOTS * SLOT, PAGE);
        user.map(new UserMemory.Local(ring), RING, ring.byteSize());
        write(RING_BASE, (int) RING);
        write(RING_BASE + 4, (int) (RING >>> 32));
        write(RING_SLOTS, SLOTS);
        write(CONTROL, 1);
    }

    void disable() throws ErrnoException {
        write(CONTROL, 0);
    }

    /** Waits for room and rings the doorbell. */
    void submit(int... numbers) throws ErrnoException {
        while (!hasRoom()) {
            Thread.onSpinWait();
        }
        MemorySegment slot = ring.asSlice((long) tail * SLOT, SLOT).fill((byte) 0);
        for (int i = 0; i < numbers.length; i++) {
            slot.setAtIndex(NUMBER, i, numbers[i]);
        }
        tail = (tail + 1) % SLOTS;
        write(TAIL, tail);
    }

    boolean hasRoom() throws ErrnoException {
        int next = (tail + 1) % SLOTS;
        if (next == head) {
            head = read(HEAD);
        }
        return next != head;
    }

    /** Returns once all commands have been executed. */
    void finish() throws ErrnoException {
        submit(FENCE_COMMAND, ++fences);
        while (read(FENCE) != fences) {
            Thread.onSpinWait();
        }
    }

    private int read(int at) throws ErrnoException {
        user.device.read(VfioPci.BAR4_REGION, at, register, 0, Integer.BYTES);
        return register.get(NUMBER, 0);
    }

    private void write(int at, int value) throws ErrnoException {
        register.set(NUMBER, 0, value);
        user.device.write(VfioPci.BAR4_REGION, at, register, 0, Integer.BYTES);
    }
}
