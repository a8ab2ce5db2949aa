package vfio.user.wire;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/**
 * {@code VFIO_USER_DMA_READ} and {@code VFIO_USER_DMA_WRITE}, sent by the server: address, count, data.
 *
 * @param command one of the two
 * @param data the data to write, or the buffer to read into; must remain valid after the caller has timed out
 */
public record DmaMessage(Dialect dialect, Command command, long address, MemorySegment data) {
    /** Space for the address, the count and padding, before or after the data. */
    private static final int HEAD = 16;

    /** The size of a command with the maximum data of one message. */
    public static final int MAX_SIZE = Message.HEADER + HEAD + Message.MAX_DATA;

    private int count() {
        return (int) data.byteSize();
    }

    private boolean isWrite() {
        return command == Command.DMA_WRITE;
    }

    /** The size of the command. */
    public int size() {
        return Message.HEADER + HEAD + (isWrite() ? count() : 0);
    }

    /** Writes the command. */
    public void write(Message message, int id) {
        message.command(id, command, size() - Message.HEADER);
        message.u64(0, address).u64(8, count());
        if (isWrite()) {
            message.u32(HEAD + count() - Integer.BYTES, 0); // the padding, if it follows the data
            MemorySegment.copy(data, 0, message.buffer(), message.position(dialect.dmaData()), count());
        }
    }

    /**
     * Processes the answer.
     *
     * @throws ErrnoException the client's errno; EPROTO: not an answer to this command
     */
    public void take(Message answer) throws ErrnoException {
        if (answer.isError()) {
            // 0 is not an error number, although the specification allows it here.
            Errno errno = answer.errorNumber() == 0 ? Errno.EIO : Errno.of(answer.errorNumber());
            throw new ErrnoException(errno, "the client rejected " + command);
        }
        int least = isWrite() ? dialect.dmaWriteAnswer() : HEAD + count();
        if (answer.commandNumber() != command.number()
                || answer.payload() < least
                || (least > 0 && (answer.u64(0) != address || answer.u32(8) != count()))) {
            throw new ErrnoException(Errno.EPROTO, "the client's answer does not match " + command);
        }
        if (!isWrite()) {
            MemorySegment.copy(answer.buffer(), answer.position(dialect.dmaData()), data, 0, count());
        }
    }
}
