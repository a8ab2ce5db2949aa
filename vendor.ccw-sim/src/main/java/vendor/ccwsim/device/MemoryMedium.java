package vendor.ccwsim.device;

/** Blocks in memory, zero-filled at first; they are part of the disk's state. */
public final class MemoryMedium implements Medium {
    private final byte[] memory;

    /** @param size in bytes, a multiple of {@link Medium#BLOCK} */
    public MemoryMedium(int size) {
        this.memory = new byte[size];
    }

    @Override
    public int blocks() {
        return memory.length / BLOCK;
    }

    @Override
    public void read(int block, byte[] data) {
        System.arraycopy(memory, block * BLOCK, data, 0, BLOCK);
    }

    @Override
    public void write(int block, byte[] data) {
        System.arraycopy(data, 0, memory, block * BLOCK, BLOCK);
    }

    byte[] contents() {
        return memory.clone();
    }

    /** @param contents as many bytes as the memory has */
    void contents(byte[] contents) {
        System.arraycopy(contents, 0, memory, 0, memory.length);
    }
}
