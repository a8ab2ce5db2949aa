package mdev.api.vfio;

/**
 * {@code struct vfio_irq_info}.
 *
 * @param index the interrupt kind, see {@link VfioPci} and {@link VfioCcw}
 * @param flags {@link #EVENTFD}, {@link #MASKABLE}, {@link #AUTOMASKED}, {@link #NORESIZE}
 * @param count the number of interrupts of the kind
 */
public record IrqInfo(int index, int flags, int count) implements IoctlReply {
    /** The interrupt can be signalled through a trigger. */
    public static final int EVENTFD = 1;
    /** MASK and UNMASK are supported. */
    public static final int MASKABLE = 1 << 1;
    /**
     * Signalling masks the interrupt until UNMASK: the semantics of a level-triggered line. The first such kind is the
     * line of {@link VfioContext#setIntx}.
     */
    public static final int AUTOMASKED = 1 << 2;
    /** The set of vectors must be set up as a whole. */
    public static final int NORESIZE = 1 << 3;
}
