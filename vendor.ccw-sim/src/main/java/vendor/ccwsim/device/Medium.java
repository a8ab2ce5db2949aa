package vendor.ccwsim.device;

import java.io.IOException;

/** The blocks of a disk. Used by one thread at a time. */
public sealed interface Medium extends AutoCloseable permits FileMedium, MemoryMedium {
    /** The size of a block in bytes. */
    int BLOCK = 512;

    /** The number of blocks, at least 1. */
    int blocks();

    /**
     * Reads one block.
     *
     * @param block from 0, below {@link #blocks()}
     * @param data at least {@link #BLOCK} bytes
     */
    void read(int block, byte[] data) throws IOException;

    /** Writes one block; as {@link #read}. */
    void write(int block, byte[] data) throws IOException;

    @Override
    default void close() {}
}
