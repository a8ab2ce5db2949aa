package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.invoke.MethodHandle;

/**
 * A context of {@code io_submit(2)}, which signals {@link PeerEventFd}s: when a request completes, the kernel itself
 * adds to an eventfd, as for its own devices, and never waits for room, unlike {@code write(2)}. The request is a read
 * of 0 bytes, which completes immediately. Thread-safe; one context serves many eventfds.
 *
 * <pre>
 * struct iocb {                  // include/uapi/linux/aio_abi.h
 *     __u64 aio_data;
 *     __u32 aio_key;
 *     __u32 aio_rw_flags;
 *     __u16 aio_lio_opcode;      // 0 is IOCB_CMD_PREAD
 *     __s16 aio_reqprio;
 *     __u32 aio_fildes;
 *     __u64 aio_buf;
 *     __u64 aio_nbytes;
 *     __s64 aio_offset;
 *     __u64 aio_reserved2;
 *     __u32 aio_flags;
 *     __u32 aio_resfd;
 * };
 * </pre>
 */
public final class AioContext implements PeerSignals, Signaller {
    /** The maximum number of completed requests that are not yet collected. */
    private static final int EVENTS = 256;

    /** {@code sizeof(struct io_event)}. */
    private static final int EVENT_BYTES = 32;

    private static final int IOCB_BYTES = 64;
    private static final long FILDES = 20;
    private static final long FLAGS = 56;
    private static final long RESFD = 60;
    private static final int IOCB_FLAG_RESFD = 1;

    /** Other threads may take the room made by a collect; after this many attempts, the kernel is broken. */
    private static final int TRIES = 1000;

    private static final MethodHandle SYSCALL =
            Libc.variadic("syscall", 1, FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle SUBMIT = Libc.plainVariadic(
            "syscall", 1, FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle COLLECT = Libc.plainVariadic(
            "syscall",
            1,
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));

    private static final long SYS_SUBMIT = Arch.CURRENT.sysIoSubmit();
    private static final long SYS_GETEVENTS = Arch.CURRENT.sysIoGetevents();

    private final long context;
    /** The empty file that requests read from. */
    private final Fd empty;

    private final CallArena arena = new CallArena();
    /** Never read, so threads may collect into it concurrently. */
    private final MemorySegment events = arena.allocate((long) EVENTS * EVENT_BYTES, JAVA_LONG.byteAlignment());

    private final MemorySegment now = arena.allocate(2 * JAVA_LONG.byteSize(), JAVA_LONG.byteAlignment());

    private AioContext(long context, Fd empty) {
        this.context = context;
        this.empty = empty;
    }

    /**
     * {@code io_setup(2)}.
     *
     * @throws LinuxException EAGAIN: {@code /proc/sys/fs/aio-max-nr} is reached; ENOSYS: a kernel without CONFIG_AIO
     */
    public static AioContext create() throws LinuxException {
        try (Arena confined = Arena.ofConfined();
                Fd empty = MemFd.create("mdev-aio", 0)) {
            MemorySegment context = confined.allocateFrom(JAVA_LONG, 0);
            Libc.call("io_setup", state ->
                    (long) SYSCALL.invokeExact(state, Arch.CURRENT.sysIoSetup(), (long) EVENTS, context));
            return new AioContext(context.get(JAVA_LONG, 0), empty.move());
        }
    }

    /** Returns this context, which serves all clients. */
    @Override
    public Signaller begin(String client) {
        return this;
    }

    @Override
    public void end() {
        // The context serves other clients, too.
    }

    /** Creates a list of one request that signals this eventfd. */
    @Override
    public MemorySegment request(SegmentAllocator allocator, int eventfd) {
        MemorySegment iocb = allocator.allocate(IOCB_BYTES, JAVA_LONG.byteAlignment());
        iocb.set(JAVA_SHORT, 16, (short) 0);
        iocb.set(JAVA_INT, FILDES, empty.number());
        iocb.set(JAVA_INT, FLAGS, IOCB_FLAG_RESFD);
        iocb.set(JAVA_INT, RESFD, eventfd);
        MemorySegment list = allocator.allocate(ADDRESS);
        list.set(ADDRESS, 0, iocb);
        return list;
    }

    /** Does nothing once this is closed. */
    @Override
    public void signal(MemorySegment request) throws Throwable {
        for (int tries = 0; tries < TRIES; tries++) {
            if (arena.isClosing() || (long) SUBMIT.invokeExact(SYS_SUBMIT, context, 1L, request) == 1) {
                return;
            }
            collect(); // EAGAIN: the ring is full
        }
        throw new IllegalStateException("io_submit takes no request");
    }

    @Override
    public void forget(MemorySegment request) {
        // Its signals are already complete.
    }

    private void collect() throws Throwable {
        try {
            long _ = (long) COLLECT.invokeExact(SYS_GETEVENTS, context, 0L, (long) EVENTS, events, now);
        } catch (IllegalStateException e) {
            if (!arena.isLate(e)) {
                throw e;
            }
        }
    }

    /** {@code io_destroy(2)}. Idempotent. */
    @Override
    public void close() {
        if (arena.beginClose()) {
            arena.close("an io_submit context", this::destroy);
        }
    }

    private void destroy() {
        try {
            Libc.call("io_destroy", state ->
                    (long) SYSCALL.invokeExact(state, Arch.CURRENT.sysIoDestroy(), context, MemorySegment.NULL));
        } catch (LinuxException e) {
            throw new IllegalStateException(e);
        } finally {
            empty.close();
        }
    }
}
