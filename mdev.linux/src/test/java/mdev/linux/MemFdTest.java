package mdev.linux;

import static mdev.linux.Answers.EINVAL;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class MemFdTest {
    @Test
    void isZeroedWithTheSizeAndTheSeals() throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 4096, Seal.SHRINK, Seal.GROW, Seal.SEAL);
                Arena arena = Arena.ofConfined()) {
            assertEquals(EnumSet.of(Seal.SHRINK, Seal.GROW, Seal.SEAL), memory.seals());
            MemorySegment bytes = arena.allocate(8192).fill((byte) 1);
            assertEquals(4096, memory.pread(0, bytes, 0, 8192));
            assertEquals(0, bytes.get(ValueLayout.JAVA_BYTE, 4095));
        }
    }

    @Test
    void rejectsAnInvalidNameOrSize() {
        refused(EINVAL, () -> MemFd.create("x".repeat(250), 1));
        refused(EINVAL, () -> MemFd.create("mdev-test", -1));
    }
}
