package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import mdev.linux.LinuxException;

/**
 * Memory of a client without a descriptor: answers DMA_READ and DMA_WRITE like one of the real clients.
 */
final class DmaPeer {
    static final long ADDRESS = 0x40_0000;

    /** The kind of client. */
    enum Kind {
        /** The answer to DMA_WRITE has a count of 4 bytes. */
        SPECIFICATION,
        /** The count has 8 bytes. */
        LIBVFIO_USER,
        /**
         * {@code VFIOUserDMARW}: the data follow a count of 4 bytes, sizes include 4 more bytes; a write is answered
         * with a header.
         */
        QEMU
    }

    private final Client channel;
    private final Kind kind;
    private final byte[] memory;
    /** The commands, as {@code READ 0x400000+4096}. */
    final List<String> seen = new ArrayList<>();

    DmaPeer(Client channel, Kind kind, byte[] memory) {
        this.channel = channel;
        this.kind = kind;
        this.memory = memory;
    }

    /** Answers the expected number of commands. */
    void answer(int commands) throws LinuxException {
        for (int i = 0; i < commands; i++) {
            Message command = next();
            int at = (int) (command.u64(0) - ADDRESS);
            int count = command.u32(8);
            if (command.command() == Commands.DMA_READ) {
                byte[] data = Arrays.copyOfRange(memory, at, at + count);
                channel.answer(
                        command,
                        kind == Kind.QEMU
                                ? new Payload()
                                        .u64(command.u64(0))
                                        .u32(count)
                                        .bytes(data)
                                        .zeroes(4)
                                : new Payload().u64(command.u64(0)).u64(count).bytes(data));
            } else {
                System.arraycopy(command.bytes(kind == Kind.QEMU ? 12 : 16), 0, memory, at, count);
                channel.answer(command, writeAnswer(command));
            }
        }
    }

    private Payload writeAnswer(Message command) {
        return switch (kind) {
            case SPECIFICATION -> new Payload().u64(command.u64(0)).u32(command.u32(8));
            case LIBVFIO_USER -> new Payload().u64(command.u64(0)).u64(command.u32(8));
            case QEMU -> new Payload();
        };
    }

    /** The next command, which must address this memory. */
    Message next() throws LinuxException {
        Message command = channel.receive();
        assertTrue(
                command.command() == Commands.DMA_READ || command.command() == Commands.DMA_WRITE,
                () -> "command " + command.command());
        assertEquals(Message.COMMAND, command.flags(), "flags of the server's command");
        assertEquals(List.of(), command.closeFds().fds(), "descriptors of the server's command");
        boolean read = command.command() == Commands.DMA_READ;
        int count = command.u32(8);
        assertEquals(read ? 16 : 16 + count, command.size(), "payload of the server's command");
        seen.add((read ? "READ" : "WRITE") + " 0x" + Long.toHexString(command.u64(0)) + "+" + count);
        return command;
    }
}
