package mdev.fuse.wire;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** {@code enum fuse_opcode}. Other opcodes are answered with ENOSYS, after which the kernel does not use them. */
public enum Opcode {
    LOOKUP(1),
    FORGET(2),
    GETATTR(3),
    SETATTR(4),
    READLINK(5),
    SYMLINK(6),
    MKNOD(8),
    MKDIR(9),
    UNLINK(10),
    RMDIR(11),
    RENAME(12),
    LINK(13),
    OPEN(14),
    READ(15),
    WRITE(16),
    STATFS(17),
    RELEASE(18),
    INIT(26),
    OPENDIR(27),
    READDIR(28),
    RELEASEDIR(29),
    CREATE(35),
    INTERRUPT(36),
    DESTROY(38),
    POLL(40),
    BATCH_FORGET(42),
    RENAME2(45),
    UNKNOWN(0);

    private static final Map<Integer, Opcode> BY_NUMBER =
            Arrays.stream(values()).collect(Collectors.toUnmodifiableMap(opcode -> opcode.number, Function.identity()));

    private final int number;

    Opcode(int number) {
        this.number = number;
    }

    static Opcode of(int number) {
        return BY_NUMBER.getOrDefault(number, UNKNOWN);
    }
}
