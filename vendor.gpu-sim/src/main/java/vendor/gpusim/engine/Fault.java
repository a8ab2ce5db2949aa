package vendor.gpusim.engine;

/** A command or a ring that cannot be: it stops the vGPU that it came from. */
final class Fault extends Exception {
    private static final long serialVersionUID = 1L;

    enum Code {
        NONE(0),
        /** No such command. */
        OPCODE(1),
        /** A field has a value that it cannot have. */
        FIELD(2),
        /** Beyond the frame buffer. */
        RANGE(3),
        /** Guest memory that is not mapped or must not be accessed so. */
        DMA(4),
        /** A ring of a wrong size or place. */
        RING(5),
        /** The engine itself failed; the log says how. */
        INTERNAL(6);

        private final int number;

        Code(int number) {
            this.number = number;
        }

        /** What FAULT_CODE says. */
        int number() {
            return number;
        }
    }

    private final Code code;

    Fault(Code code) {
        // An answer to a guest, who must not make us pay for a stack trace.
        super(code.name(), null, false, false);
        this.code = code;
    }

    Code code() {
        return code;
    }
}
