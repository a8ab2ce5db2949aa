package vfio.mdev.iommu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.RemoteAccess;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.VfioNotifier;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import org.junit.jupiter.api.function.Executable;
import vfio.mdev.iommu.memory.MemoryRef;
import vfio.mdev.iommu.memory.UserMemories;

/** User memory of each kind. */
final class Users {
    /** Inaccessible memory: the equivalent of an unmapped {@code vaddr} in the kernel. */
    static final RemoteAccess NOTHING = new RemoteAccess() {
        @Override
        public void read(long address, MemorySegment data, long offset, long length) throws ErrnoException {
            throw new ErrnoException(Errno.EFAULT);
        }

        @Override
        public void write(long address, MemorySegment data, long offset, long length) throws ErrnoException {
            throw new ErrnoException(Errno.EFAULT);
        }
    };

    private Users() {}

    /** A process that serves memory by messages. */
    static RemoteAccess process(MemorySegment memory) {
        return new RemoteAccess() {
            @Override
            public void read(long address, MemorySegment data, long offset, long length) {
                MemorySegment.copy(memory, address, data, offset, length);
            }

            @Override
            public void write(long address, MemorySegment data, long offset, long length) {
                MemorySegment.copy(data, offset, memory, address, length);
            }
        };
    }

    static UserMemory vaddr(long address) {
        return new UserMemory.Remote(address, NOTHING);
    }

    /** The user keeps its own descriptor and passes another, as by SCM_RIGHTS. */
    static UserMemory file(Fd fd, long offset) throws LinuxException {
        return new UserMemory.File(fd.dup().release(), offset);
    }

    /** The contents of the user's file as seen by the user. */
    static byte[] read(Fd fd, long position, int length) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment to = arena.allocate(length);
            assertEquals(length, fd.pread(position, to, 0, length));
            return to.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    static void write(Fd fd, long position, byte[] bytes) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            fd.pwrite(position, from, 0, bytes.length);
        }
    }

    /** A vendor that ignores DMA_UNMAP. */
    static VfioNotifier.DmaUnmap ignoresUnmap() {
        return (_, _) -> {};
    }

    static MemoryRef remoteRef() {
        try {
            return new UserMemories().open(vaddr(0), 0, true);
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    static void assertErrno(Errno errno, Executable call) {
        assertEquals(errno, assertThrows(ErrnoException.class, call).errno());
    }
}
