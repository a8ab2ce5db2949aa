package vfio.user.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import vfio.user.wire.DmaMessage;
import vfio.user.wire.Message;

/** DMA over the connection itself: its thread is the only one that receives, so it must not be the one that waits. */
final class ConnectionChannel implements DmaChannel {
    private static final int IDS = 0x10000;

    private final Thread receiver;
    private final SendTurn turn;
    private final AtomicInteger lastId = new AtomicInteger();

    /** Who waits for the answer to which id: whoever takes an entry out decides how it ends. */
    private final Map<Integer, Waiting> waiting = new ConcurrentHashMap<>();

    /** Commands that nobody waits for any more but that may still be answered. */
    private final Set<Integer> abandoned = ConcurrentHashMap.newKeySet();

    /** While set nobody may wait: the receiver does not receive. */
    private volatile boolean suspended;

    private volatile boolean closed;

    /** @param receiver the connection's thread */
    ConnectionChannel(Thread receiver, SendTurn turn) {
        this.receiver = receiver;
        this.turn = turn;
    }

    private record Waiting(DmaMessage command, CompletableFuture<Void> over) {
        void fail(String reason) {
            over.completeExceptionally(new ErrnoException(Errno.EIO, reason));
        }
    }

    @Override
    public void exchange(DmaMessage command) throws ErrnoException {
        if (Thread.currentThread().equals(receiver)) {
            // A client that waits for our answer would not answer us (QEMU stalls for 5 s).
            throw new ErrnoException(Errno.EDEADLK, "DMA by message inside a command of the client that it serves");
        }
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        Waiting own = new Waiting(command, new CompletableFuture<>());
        int id = register(own);
        try {
            send(command, id, deadline);
            own.over.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof ErrnoException answer ? answer : new ErrnoException(Errno.EIO);
        } catch (TimeoutException e) {
            throw new ErrnoException(Errno.EIO, "the client has not answered " + command.command());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR, "interrupted while the client answers " + command.command());
        } finally {
            if (waiting.remove(id, own)) {
                abandoned.add(id);
            }
        }
    }

    private int register(Waiting own) throws ErrnoException {
        for (int tries = 0; tries < IDS; tries++) {
            int id = Math.floorMod(lastId.incrementAndGet(), IDS);
            if (!abandoned.contains(id) && waiting.putIfAbsent(id, own) == null) {
                // After it can be found: suspend() and close() set the flag first and then look for who waits.
                if (suspended || closed) {
                    waiting.remove(id, own);
                    throw new ErrnoException(
                            Errno.EIO, closed ? "the client is gone" : "the client's memory is being unmapped");
                }
                return id;
            }
        }
        throw new ErrnoException(Errno.EIO, "the client has stopped answering");
    }

    private void send(DmaMessage command, int id, long deadline) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(command.size(), Long.BYTES);
            command.write(new Message(bytes), id);
            turn.command(bytes, deadline);
        }
    }

    /**
     * By the receiver: a reply has come.
     *
     * @return false for an answer to nothing
     */
    boolean answered(Message answer) {
        Waiting waiter = waiting.remove(answer.id());
        if (waiter == null) {
            return abandoned.remove(answer.id());
        }
        try {
            waiter.command.take(answer);
            waiter.over.complete(null);
        } catch (ErrnoException e) {
            waiter.over.completeExceptionally(e);
        }
        return true;
    }

    /** By the receiver, around what waits for DMA to end: nobody waits for an answer meanwhile that cannot be received. */
    void suspend() {
        suspended = true;
        failAll("the client's memory is being unmapped");
    }

    void resume() {
        suspended = false;
    }

    @Override
    public void close() {
        closed = true;
        failAll("the client is gone");
    }

    private void failAll(String reason) {
        waiting.forEach((id, waiter) -> {
            if (waiting.remove(id, waiter)) {
                abandoned.add(id);
                waiter.fail(reason);
            }
        });
    }
}
