package vendor.ccwsim.channel;

/**
 * The data path of one command between the device and the user's memory, through count, data chaining, indirect
 * addresses and skipping. Used by the thread that executes the command.
 */
public interface DataTransfer {
    /**
     * Moves data to the user's memory (read and sense commands).
     *
     * @return the number of bytes that the channel accepted; fewer than {@code length} if the count is exhausted: the
     *     device has more than the program asked for
     * @throws TransferEndedException a program, protection or chaining check ended the transfer
     */
    int toMemory(byte[] data, int offset, int length) throws TransferEndedException;

    /**
     * Moves data from the user's memory (write and control commands).
     *
     * @return the number of bytes that the channel supplied; fewer than {@code length} if the count is exhausted
     * @throws TransferEndedException a program, protection or chaining check ended the transfer
     */
    int fromMemory(byte[] data, int offset, int length) throws TransferEndedException;

    /**
     * The bytes that the program provides for in the current CCW of its data chain, for a device that ends with the
     * count: 0 if there are none left. A device that moves no more causes no incorrect length.
     *
     * @throws TransferEndedException a program check ended the data chain
     */
    int available() throws TransferEndedException;
}
