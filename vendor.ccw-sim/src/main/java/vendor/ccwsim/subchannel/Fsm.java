package vendor.ccwsim.subchannel;

/** The state machine of the driver: {@code vfio_ccw_jumptable} of {@code drivers/s390/cio/vfio_ccw_fsm.c}. */
final class Fsm {
    private Fsm() {}

    /** {@code enum vfio_ccw_state}, with the action for each event. */
    enum State {
        //            NOT_OPER        IO_REQ             INTERRUPT            ASYNC_REQ
        /** The subchannel cannot be used until a reset has quiesced it. */
        NOT_OPER(Action.NOP, Action.IO_ERROR, Action.DISABLED_IRQ, Action.ASYNC_ERROR),
        /** No user has the device open. */
        STANDBY(Action.NOTOPER, Action.IO_ERROR, Action.IRQ, Action.ASYNC_ERROR),
        IDLE(Action.NOTOPER, Action.IO_REQUEST, Action.IRQ, Action.ASYNC_REQUEST),
        /** A request is checked. */
        CP_PROCESSING(Action.NOTOPER, Action.IO_RETRY, Action.IRQ, Action.ASYNC_RETRY),
        /** A channel program has been started and has not ended. */
        CP_PENDING(Action.NOTOPER, Action.IO_BUSY, Action.IRQ, Action.ASYNC_REQUEST);

        private final Action notOper;
        private final Action ioReq;
        private final Action interrupt;
        private final Action asyncReq;

        State(Action notOper, Action ioReq, Action interrupt, Action asyncReq) {
            this.notOper = notOper;
            this.ioReq = ioReq;
            this.interrupt = interrupt;
            this.asyncReq = asyncReq;
        }

        Action on(Event event) {
            return switch (event) {
                case NOT_OPER -> notOper;
                case IO_REQ -> ioReq;
                case INTERRUPT -> interrupt;
                case ASYNC_REQ -> asyncReq;
            };
        }
    }

    /** {@code enum vfio_ccw_event}. */
    enum Event {
        /** The subchannel could not be quiesced. */
        NOT_OPER,
        /** A write to the I/O region. */
        IO_REQ,
        /** The subchannel has presented status. */
        INTERRUPT,
        /** A write to the command region. */
        ASYNC_REQ
    }

    /** {@code fsm_func_t}. */
    enum Action {
        NOP,
        /** Becomes not operational. */
        NOTOPER,
        /** EIO. */
        IO_ERROR,
        /** EBUSY. */
        IO_BUSY,
        /** EAGAIN. */
        IO_RETRY,
        IO_REQUEST,
        /** EIO. */
        ASYNC_ERROR,
        /** EAGAIN. */
        ASYNC_RETRY,
        ASYNC_REQUEST,
        /** Drops the status. */
        DISABLED_IRQ,
        /** Stores the status for the user and signals it. */
        IRQ
    }
}
