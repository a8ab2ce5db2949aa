package vfio.mdev.irq;

/** One interrupt. Any thread may call; nobody waits. */
sealed interface Vector permits EdgeVector, IntxLine {
    boolean armed();

    boolean masked();

    /** Puts the trigger in the place of the one that is there, which is let go. */
    void arm(Armed trigger);

    void disarm();

    /** Whether it can be masked, as IRQ_INFO says. */
    boolean maskable();

    void mask();

    void unmask();

    /**
     * Signals the user's trigger without the device having raised anything: {@code TRIGGER} with no or boolean data.
     */
    void loopback();
}
