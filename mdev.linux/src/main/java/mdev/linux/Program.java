package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Runs a program that is passed a descriptor, which {@link ProcessBuilder} closes ({@code posix_spawn(3)}). Any thread. */
public final class Program {
    /** The number that the descriptor has there. */
    public static final int PASSED = 3;

    private static final int STDERR = 2;

    /** More than the C libraries need for a {@code posix_spawn_file_actions_t}: 80 bytes. */
    private static final int ACTIONS = 512;

    private static final int LONGEST_MESSAGE = 4096;

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
     * How a program ended.
     *
     * @param status as waitpid(2) tells it: 0 for success
     * @param errors what it wrote to its standard error, the beginning of it
     */
    public record Ended(int status, String errors) {}

    /**
     * Runs a program to its end.
     *
     * @param command found on the PATH, and its arguments
     * @param environment each {@code NAME=VALUE}; there is nothing else in it
     * @param passed stays the caller's; {@link #PASSED} is its number there
     * @throws LinuxException ENOENT: there is no such program
     */
    public static Ended run(List<String> command, List<String> environment, Fd passed) throws LinuxException {
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
            Libc.call("waitpid", state -> (int) WAITPID.invokeExact(state, pid.get(JAVA_INT, 0), status, 0));
            MemorySegment text = arena.allocate(LONGEST_MESSAGE + 1);
            long length = errors.pread(0, text, 0, LONGEST_MESSAGE);
            String message = StandardCharsets.UTF_8
                    .decode(text.asSlice(0, length).asByteBuffer())
                    .toString();
            return new Ended(status.get(JAVA_INT, 0), message);
        } catch (LinuxException e) {
            throw e;
        } catch (Throwable t) {
            throw Libc.unexpected(t);
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
