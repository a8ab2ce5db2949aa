package vfio.user.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import vfio.user.wire.DmaMessage;
import vfio.user.wire.Message;

/**
 * DMA over the connection itself. Only the connection's thread receives, so that thread must not wait for an answer.
 */
final class ConnectionChannel implements DmaChannel {
    private static final int IDS = 0x10000;

    private final Thread receiver;
    private final SendLock sending;
    private final AtomicInteger lastId = new AtomicInteger();

    /**
     * The pending exchanges by message id. The thread that removes an entry determines its result. On a timeout,
     * {@link Abandoned} replaces the entry, for an answer that may still arrive.
     */
    private final Map<Integer, Exchange> exchanges = new ConcurrentHashMap<>();

    /** The range that no thread may wait for, because nothing is received meanwhile. */
    private volatile @Nullable AddressRange suspended;

    private volatile boolean closed;

    /** @param receiver the connection's thread */
    ConnectionChannel(Thread receiver, SendLock sending) {
        this.receiver = receiver;
        this.sending = sending;
    }

    private sealed interface Exchange {}

    private record Pending(DmaMessage command, CompletableFuture<Void> over) implements Exchange {
        void fail(String reason) {
            over.completeExceptionally(new ErrnoException(Errno.EIO, reason));
        }
    }

    private record Abandoned() implements Exchange {}

    @Override
    public void exchange(DmaMessage command, Deadline deadline) throws ErrnoException {
        if (Thread.currentThread().equals(receiver)) {
            // A client that waits for our answer does not answer our command (QEMU stalls for 5 s).
            throw new ErrnoException(Errno.EDEADLK, "DMA by message within a command of the same client");
        }
        Pending own = new Pending(command, new CompletableFuture<>());
        int id = register(own);
        try {
            send(own, id, deadline);
            own.over.get(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof ErrnoException answer ? answer : new ErrnoException(Errno.EIO);
        } catch (TimeoutException e) {
            throw new ErrnoException(Errno.EIO, "the client has not answered " + command.command());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR, "interrupted while the client answers " + command.command());
        } finally {
            exchanges.replace(id, own, new Abandoned());
        }
    }

    private int register(Pending own) throws ErrnoException {
        for (int tries = 0; tries < IDS; tries++) {
            int id = Math.floorMod(lastId.incrementAndGet(), IDS);
            if (exchanges.putIfAbsent(id, own) == null) {
                // Checked after the exchange is visible: suspend() and close() set their state before they look for
                // exchanges.
                AddressRange range = suspended;
                if (closed || (range != null && range.has(own.command.address()))) {
                    exchanges.remove(id, own);
                    throw new ErrnoException(Errno.EIO, closed ? "the client is gone" : SUSPENDED);
                }
                return id;
            }
        }
        throw new ErrnoException(Errno.EIO, "the client has stopped answering");
    }

    private void send(Pending own, int id, Deadline deadline) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(own.command.size(), Long.BYTES);
            own.command.write(new Message(bytes), id);
            sending.command(bytes, deadline);
        } catch (ErrnoException e) {
            exchanges.remove(id, own); // no answer will arrive
            throw e;
        }
    }

    /**
     * Called by the receiver for a reply.
     *
     * @return false if no request matches it
     */
    boolean answered(Message answer) {
        return switch (exchanges.remove(answer.id())) {
            case Pending waiting -> {
                try {
                    waiting.command.take(answer);
                    waiting.over.complete(null);
                } catch (ErrnoException e) {
                    waiting.over.completeExceptionally(e);
                }
                yield true;
            }
            case Abandoned _ -> true;
            case null -> false;
        };
    }

    @Override
    public void suspend(AddressRange range) {
        suspended = range;
        fail(range, SUSPENDED);
    }

    @Override
    public void resume() {
        suspended = null;
    }

    @Override
    public void close() {
        closed = true;
        fail(AddressRange.ALL, "the client is gone");
    }

    private void fail(AddressRange range, String reason) {
        exchanges.forEach((id, entry) -> {
            if (entry instanceof Pending waiting
                    && range.has(waiting.command.address())
                    && exchanges.replace(id, waiting, new Abandoned())) {
                waiting.fail(reason);
            }
        });
    }
}
