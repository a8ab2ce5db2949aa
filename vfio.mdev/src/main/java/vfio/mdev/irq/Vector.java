package vfio.mdev.irq;

/** One interrupt. Thread-safe and non-blocking. */
sealed interface Vector permits EdgeVector, IntxLine {
    boolean armed();

    boolean masked();

    /** Arms the trigger; disarms a previous one. */
    void arm(Armed trigger);

    void disarm();

    /** Whether the interrupt can be masked, as in IRQ_INFO. */
    boolean maskable();

    void mask();

    void unmask();

    /**
     * Signals the user's trigger without an interrupt of the device: {@code TRIGGER} with no or boolean data.
     */
    void loopback();
}
