package vfio.user.wire;

import org.jspecify.annotations.Nullable;

/** The commands, with their numbers ("Commands" in the specification; 14 was formerly DIRTY_PAGES). */
public enum Command {
    VERSION(1),
    DMA_MAP(2),
    DMA_UNMAP(3),
    DEVICE_GET_INFO(4),
    DEVICE_GET_REGION_INFO(5),
    DEVICE_GET_REGION_IO_FDS(6),
    DEVICE_GET_IRQ_INFO(7),
    DEVICE_SET_IRQS(8),
    REGION_READ(9),
    REGION_WRITE(10),
    /** From server to client, as is {@link #DMA_WRITE}. */
    DMA_READ(11),
    DMA_WRITE(12),
    DEVICE_RESET(13),
    REGION_WRITE_MULTI(15),
    DEVICE_FEATURE(16),
    MIG_DATA_READ(17),
    MIG_DATA_WRITE(18);

    private static final Command[] BY_NUMBER = new Command[19];

    static {
        for (Command command : values()) {
            BY_NUMBER[command.number] = command;
        }
    }

    private final int number;

    Command(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /** The command with a number; null if unknown. */
    public static @Nullable Command of(int number) {
        return number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }
}
