package vfio.user.wire;

/**
 * What the real clients do beside the specification, each quirk once.
 *
 * <p>For all: QEMU (11.1, {@code hw/vfio-user/proxy.c}) receives an answer into the buffer of its request, and a longer
 * one ends the connection. The answer to its VERSION request of 214 bytes must fit; all other answers have the length
 * of their request, or of its argsz. It takes minor version 0 only as an answer to its 0. cloud-hypervisor wants JSON
 * in the answer to VERSION, and whole answers to DMA_UNMAP and region accesses.
 */
public enum Dialect {
    /**
     * As written; also libvfio-user, whose answer to DMA_WRITE has a count of 8 bytes: what is behind the first 4 is
     * not looked at.
     */
    SPECIFICATION(16, Long.BYTES + Integer.BYTES, false),

    /**
     * QEMU's {@code VFIOUserDMARW} is a char array behind a count of 4 bytes: the data begin there, although its size
     * is counted with padding. Its answer to DMA_WRITE is a bare header. Of interrupts that the device does not have it
     * wants to hear the kernel's EINVAL: at a count of 0 it warns its user.
     */
    QEMU(12, 0, true);

    private final int dmaData;
    private final int dmaWriteAnswer;
    private final boolean refusesAbsentIrqs;

    Dialect(int dmaData, int dmaWriteAnswer, boolean refusesAbsentIrqs) {
        this.dmaData = dmaData;
        this.dmaWriteAnswer = dmaWriteAnswer;
        this.refusesAbsentIrqs = refusesAbsentIrqs;
    }

    /** Nothing in the protocol says who the client is; this is what QEMU proposes and nobody else does. */
    static Dialect of(int minor, Capabilities proposed) {
        return minor == 0 && proposed.maxBitmapSize() != 0 && proposed.writeMultiple() && !proposed.twinSocket()
                ? QEMU
                : SPECIFICATION;
    }

    /** Where the data of DMA_READ and DMA_WRITE begin. */
    int dmaData() {
        return dmaData;
    }

    /** How much of an answer to DMA_WRITE there must be. */
    int dmaWriteAnswer() {
        return dmaWriteAnswer;
    }

    /**
     * Whether to ask for interrupts that the device does not have is an error, and not answered with a count of 0,
     * without which cloud-hypervisor waits for ever.
     */
    public boolean refusesAbsentIrqs() {
        return refusesAbsentIrqs;
    }
}
