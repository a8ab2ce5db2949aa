package vendor.ccwsim.device;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Blocks in a file, which outlive the disk. The file is locked while it is open. */
public final class FileMedium implements Medium {
    private static final Logger LOG = LoggerFactory.getLogger(FileMedium.class);

    private final FileChannel file;
    private final int blocks;

    private FileMedium(FileChannel file, int blocks) {
        this.file = file;
        this.blocks = blocks;
    }

    /**
     * Opens an existing file.
     *
     * @throws ErrnoException ENOENT: no such file; EBUSY: another disk or process has locked it; EINVAL: its size is
     *     not a positive multiple of 512 below 1 TiB; EIO: it cannot be opened for reading and writing
     */
    public static FileMedium open(Path path) throws ErrnoException {
        FileChannel file = null;
        try {
            file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
            lock(file, path);
            long size = file.size();
            if (size == 0 || size % BLOCK != 0 || size / BLOCK > Integer.MAX_VALUE) {
                throw new ErrnoException(
                        Errno.EINVAL, path + " has " + size + " bytes, not a positive multiple of 512 below 1 TiB");
            }
            return new FileMedium(file, (int) (size / BLOCK));
        } catch (NoSuchFileException e) {
            throw new ErrnoException(Errno.ENOENT, path + " does not exist");
        } catch (IOException e) {
            close(file);
            throw new ErrnoException(Errno.EIO, path + " cannot be opened for reading and writing: " + e.getMessage());
        } catch (ErrnoException e) {
            close(file);
            throw e;
        }
    }

    /** The closing of the file releases the lock. */
    private static void lock(FileChannel file, Path path) throws IOException, ErrnoException {
        FileLock lock;
        try {
            lock = file.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            throw new ErrnoException(Errno.EBUSY, path + " is in use by another disk or process");
        }
    }

    @Override
    public int blocks() {
        return blocks;
    }

    @Override
    public void read(int block, byte[] data) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(data, 0, BLOCK);
        long position = (long) block * BLOCK;
        while (buffer.hasRemaining()) {
            if (file.read(buffer, position + buffer.position()) < 0) {
                throw new EOFException("the file has been truncated");
            }
        }
    }

    @Override
    public void write(int block, byte[] data) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(data, 0, BLOCK);
        long position = (long) block * BLOCK;
        while (buffer.hasRemaining()) {
            file.write(buffer, position + buffer.position());
        }
    }

    @Override
    public void close() {
        close(file);
    }

    private static void close(@Nullable FileChannel file) {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                LOG.warn("a disk's file: {}", e.toString());
            }
        }
    }
}
