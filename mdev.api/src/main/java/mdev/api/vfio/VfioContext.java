package mdev.api.vfio;

import org.osgi.annotation.versioning.ProviderType;

/**
 * What the framework lends to an open device: its user's memory ({@link DmaAccess}) and its user's interrupts. Any thread may
 * call, also from inside a region access; no interrupt call takes a lock, blocks or allocates. After {@code release} the interrupt
 * calls do nothing.
 */
@ProviderType
public interface VfioContext extends DmaAccess {
    /**
     * Whether the user has a trigger for the interrupt.
     *
     * @param index see {@link VfioPci}
     * @param vector from 0; one out of range is not armed
     */
    boolean armed(int index, int vector);

    /**
     * Signals an edge-triggered interrupt (MSI, MSI-X, ERR, REQ) once. One that is not armed or masked is dropped,
     * as a message to nowhere is.
     */
    void trigger(int index, int vector);

    /**
     * Sets the level of the INTx line. While the line is high, armed and not masked the user is signalled once, which masks the line
     * until the user unmasks it; if it is still high then, the user is signalled again.
     */
    void setIntx(boolean high);
}
