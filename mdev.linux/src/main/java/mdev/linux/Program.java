package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a program with an inherited descriptor ({@code posix_spawn(3)}); {@link ProcessBuilder} would close it.
 * Thread-safe.
 */
public final class Program {
    private static final Logger LOG = LoggerFactory.getLogger(Program.class);

    /** The number of the inherited descriptor in the program. */
    public static final int PASSED = 3;

    private static final int STDERR = 2;

    /** More than the C libraries need for a {@code posix_spawn_file_actions_t}: 80 bytes. */
    private static final int ACTIONS = 512;

    private static final int LONGEST_MESSAGE = 4096;
    private static final int WNOHANG = 1;
    private static final Duration RECHECK = Duration.ofMillis(1);

    private static final MethodHandle SPAWN = Libc.plain(
            "posix_spawnp", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle INIT =
            Libc.plain("posix_spawn_file_actions_init", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle ADD_DUP2 = Libc.plain(
            "posix_spawn_file_actions_adddup2", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    private static final MethodHandle DESTROY =
            Libc.plain("posix_spawn_file_actions_destroy", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle WAITPID =
            Libc.function("waitpid", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));

    private Program() {}

    /**
     * The result of a program.
     *
     * @param status as waitpid(2) reports it: 0 for success
     * @param errors the beginning of its standard error output
     */
    public record Ended(int status, String errors) {}

    /**
     * Runs a program to its end.
     *
     * @param command the program, searched on the PATH, and its arguments
     * @param environment the whole environment, each entry {@code NAME=VALUE}
     * @param passed remains owned by the caller; {@link #PASSED} is its number in the program
     * @param longest the maximum run time; a program that exceeds it is abandoned
     * @throws LinuxException ENOENT: no such program; ETIMEDOUT: still running
     */
    public static Ended run(List<String> command, List<String> environment, Fd passed, Duration longest)
            throws LinuxException {
        try (Arena arena = Arena.ofConfined();
                Fd errors = MemFd.create("stderr", 0)) {
            MemorySegment pid = arena.allocate(JAVA_INT);
            MemorySegment actions = arena.allocate(ACTIONS, Long.BYTES);
            check("posix_spawn_file_actions_init", (int) INIT.invokeExact(actions));
            try {
                check("adddup2", (int) ADD_DUP2.invokeExact(actions, passed.number(), PASSED));
                check("adddup2", (int) ADD_DUP2.invokeExact(actions, errors.number(), STDERR));
                check("posix_spawnp " + command.getFirst(), (int) SPAWN.invokeExact(
                        pid,
                        arena.allocateFrom(command.getFirst()),
                        actions,
                        MemorySegment.NULL,
                        strings(arena, command),
                        strings(arena, environment)));
            } finally {
                int _ = (int) DESTROY.invokeExact(actions);
            }
            MemorySegment status = arena.allocate(JAVA_INT);
            int child = pid.get(JAVA_INT, 0);
            if (!waitFor(child, status, Deadline.in(longest))) {
                String name = command.getFirst();
                LOG.warn("{} (pid {}) has not exited in time and is abandoned", name, child);
                // The child remains a zombie until its status is collected.
                var _ = BoundedCalls.tryStartAlone("waiting for " + name, () -> reap(child));
                throw new LinuxException(name, LinuxErrno.ETIMEDOUT);
            }
            MemorySegment text = arena.allocate(LONGEST_MESSAGE + 1);
            long length = errors.pread(0, text, 0, LONGEST_MESSAGE);
            String message = StandardCharsets.UTF_8
                    .decode(text.asSlice(0, length).asByteBuffer())
                    .toString();
            return new Ended(status.get(JAVA_INT, 0), message);
        } catch (Throwable t) {
            throw Libc.failed(t);
        }
    }

    private static boolean waitFor(int child, MemorySegment status, Deadline deadline) throws LinuxException {
        LinuxException[] failed = new LinuxException[1];
        boolean ended = deadline.poll(RECHECK, () -> {
            try {
                return Libc.call("waitpid", state -> (int) WAITPID.invokeExact(state, child, status, WNOHANG)) == child;
            } catch (LinuxException e) {
                failed[0] = e;
                return true;
            }
        });
        if (failed[0] != null) {
            throw failed[0];
        }
        return ended;
    }

    private static void reap(int child) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(JAVA_INT);
            Libc.call("waitpid", state -> (int) WAITPID.invokeExact(state, child, status, 0));
        } catch (LinuxException e) {
            LOG.debug("pid {} cannot be waited for: {}", child, e.toString());
        }
    }

    /** These functions return their errno. */
    private static void check(String call, int errno) throws LinuxException {
        if (errno != 0) {
            throw new LinuxException(call, errno);
        }
    }

    private static MemorySegment strings(Arena arena, List<String> strings) {
        MemorySegment array = arena.allocate(ADDRESS, strings.size() + 1);
        for (int i = 0; i < strings.size(); i++) {
            array.setAtIndex(ADDRESS, i, arena.allocateFrom(strings.get(i)));
        }
        return array;
    }
}
