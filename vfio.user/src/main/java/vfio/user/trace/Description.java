package vfio.user.trace;

import mdev.api.vfio.MigrationState;
import org.jspecify.annotations.Nullable;
import vfio.user.wire.Command;
import vfio.user.wire.FeatureRequest;
import vfio.user.wire.Message;

/** Describes messages as text. Relies on nothing in a client's message except its size. */
final class Description {
    /** The maximum number of data bytes shown. */
    private static final int SHOWN = 16;

    private Description() {}

    static String of(Message m) {
        if (m.size() < Message.HEADER || m.size() > Message.MAX_SIZE) {
            return "a message of " + m.size() + " bytes";
        }
        Command command = Command.of(m.commandNumber());
        if (command == null) {
            return "command %d, %d bytes".formatted(m.commandNumber(), m.payload());
        }
        return switch (command) {
            case VERSION -> fields(m, 4, command, () -> "%d.%d".formatted(m.u16(0), m.u16(2)));
            case DMA_MAP ->
                fields(
                        m,
                        32,
                        command,
                        () -> "0x%x size 0x%x offset 0x%x flags 0x%x"
                                .formatted(m.u64(16), m.u64(24), m.u64(8), m.u32(4)));
            case DMA_UNMAP ->
                fields(m, 24, command, () -> "0x%x size 0x%x flags 0x%x".formatted(m.u64(8), m.u64(16), m.u32(4)));
            case DEVICE_GET_REGION_INFO, DEVICE_GET_IRQ_INFO, DEVICE_GET_REGION_IO_FDS ->
                fields(m, 16, command, () -> "index %d argsz %d".formatted(m.u32(8), m.u32(0)));
            case DEVICE_SET_IRQS ->
                fields(
                        m,
                        20,
                        command,
                        () -> "flags 0x%x index %d start %d count %d"
                                .formatted(m.u32(4), m.u32(8), m.u32(12), m.u32(16)));
            case REGION_READ -> fields(m, 16, command, () -> access(m));
            case REGION_WRITE -> fields(m, 16, command, () -> access(m) + data(m));
            case REGION_WRITE_MULTI -> fields(m, 8, command, () -> m.u64(0) + " writes");
            case DEVICE_FEATURE ->
                fields(
                        m,
                        8,
                        command,
                        () -> "feature %d flags 0x%x".formatted(m.u32(4) & 0xffff, m.u32(4) & ~0xffff) + state(m));
            case MIG_DATA_READ, MIG_DATA_WRITE ->
                fields(m, 8, command, () -> "size " + Integer.toUnsignedString(m.u32(4)));
            case DEVICE_GET_INFO, DEVICE_RESET, DMA_READ, DMA_WRITE -> command.toString();
        };
    }

    /** The details of a successful answer. */
    static String ofReply(Message request, Message reply) {
        @Nullable Command command = Command.of(request.commandNumber());
        return switch (command) {
            case REGION_READ -> data(reply);
            case DEVICE_GET_INFO ->
                " flags 0x%x, %d regions, %d irqs".formatted(reply.u32(4), reply.u32(8), reply.u32(12));
            case DEVICE_GET_REGION_INFO -> " flags 0x%x size 0x%x".formatted(reply.u32(4), reply.u64(16));
            case DEVICE_GET_IRQ_INFO -> " flags 0x%x count %d".formatted(reply.u32(4), reply.u32(12));
            case null, default -> "";
        };
    }

    private interface Fields {
        String text();
    }

    private static String fields(Message m, int least, Command command, Fields fields) {
        return m.payload() < least ? "%s of %d bytes".formatted(command, m.payload()) : command + " " + fields.text();
    }

    /** The state that a SET of MIG_DEVICE_STATE asks for. */
    private static String state(Message m) {
        return m.u32(4) == (FeatureRequest.SET | FeatureRequest.MIG_DEVICE_STATE) && m.payload() >= 12
                ? MigrationState.of(m.u32(8)).map(state -> " " + state).orElse("")
                : "";
    }

    private static String access(Message m) {
        return "region %d offset 0x%x count %d".formatted(m.u32(8), m.u64(0), m.u32(12));
    }

    private static String data(Message m) {
        StringBuilder text = new StringBuilder(":");
        int length = m.payload() - 16;
        for (int i = 0; i < Math.min(length, SHOWN); i++) {
            text.append(" %02x".formatted(m.u8(16 + i)));
        }
        return length > SHOWN ? text + " ..." : text.toString();
    }
}
