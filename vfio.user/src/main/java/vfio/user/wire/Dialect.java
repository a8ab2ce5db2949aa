package vfio.user.wire;

/**
 * The deviations of real clients from the specification, each described once.
 *
 * <p>For all: QEMU (11.1, {@code hw/vfio-user/proxy.c}) receives an answer into the buffer of its request, and a longer
 * answer ends the connection. The answer to its VERSION request of 214 bytes must fit; all other answers have the
 * length of their request, or of its argsz. QEMU accepts minor version 0 only in reply to its own 0. cloud-hypervisor
 * requires JSON in the answer to VERSION, and complete answers to DMA_UNMAP and region accesses.
 */
public enum Dialect {
    /**
     * As specified; also libvfio-user, whose answer to DMA_WRITE has a count of 8 bytes, of which only the first 4 are
     * read.
     */
    SPECIFICATION(16, Long.BYTES + Integer.BYTES, false),

    /**
     * QEMU's {@code VFIOUserDMARW} is a char array after a count of 4 bytes: the data begin there, although its size
     * includes padding. Its answer to DMA_WRITE is a bare header. For interrupts that the device does not have, it
     * expects the kernel's EINVAL; on a count of 0 it warns its user.
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

    /** The protocol does not identify the client; this proposal is made only by QEMU. */
    static Dialect of(int minor, Capabilities proposed) {
        return minor == 0 && proposed.maxBitmapSize() != 0 && proposed.writeMultiple() && !proposed.twinSocket()
                ? QEMU
                : SPECIFICATION;
    }

    /** The offset of the data in DMA_READ and DMA_WRITE. */
    int dmaData() {
        return dmaData;
    }

    /** The minimum length of an answer to DMA_WRITE. */
    int dmaWriteAnswer() {
        return dmaWriteAnswer;
    }

    /**
     * Whether a query of interrupts that the device does not have is an error instead of a count of 0;
     * cloud-hypervisor requires the count and otherwise waits forever.
     */
    public boolean refusesAbsentIrqs() {
        return refusesAbsentIrqs;
    }
}
