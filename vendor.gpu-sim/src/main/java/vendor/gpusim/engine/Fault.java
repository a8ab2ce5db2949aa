package vendor.gpusim.engine;

/** An invalid command or ring: it stops its vGPU. */
final class Fault extends Exception {
    private static final long serialVersionUID = 1L;

    enum Code {
        NONE(0),
        /** Unknown command. */
        OPCODE(1),
        /** Invalid field value. */
        FIELD(2),
        /** Beyond the frame buffer. */
        RANGE(3),
        /** Guest memory is not mapped or does not permit the access. */
        DMA(4),
        /** Invalid size or address of a ring. */
        RING(5),
        /** The engine itself failed; the log has the cause. */
        INTERNAL(6);

        private final int number;

        Code(int number) {
            this.number = number;
        }

        /** The value of FAULT_CODE. */
        int number() {
            return number;
        }
    }

    private final Code code;

    Fault(Code code) {
        // No stack trace: a guest can provoke faults at will.
        super(code.name(), null, false, false);
        this.code = code;
    }

    Code code() {
        return code;
    }
}
