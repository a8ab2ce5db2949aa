package vendor.ccwsim.subchannel;

import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.Irb;
import vendor.ccwsim.channel.Scsw;
import vendor.ccwsim.channel.SubchannelStatus;

/** The status that is not that of a program's end (Principles of Operation, chapter 16). */
final class Status {
    private Status() {}

    /** The clear function has been performed: all else is zero. */
    static Irb cleared() {
        return irb(Scsw.FCTL_CLEAR_FUNC, Scsw.STCTL_STATUS_PEND, 0);
    }

    /**
     * The halt function has been performed.
     *
     * @param started a program had been started
     * @param active it had begun: the device has ended its command
     */
    static Irb halted(boolean started, boolean active) {
        int start = started ? Scsw.FCTL_START_FUNC : 0;
        return irb(
                start | Scsw.FCTL_HALT_FUNC, Scsw.STCTL_STATUS_PEND, active || !started ? DeviceStatus.DEVICE_END : 0);
    }

    /** A program has ended by itself while it was to be halted. */
    static Irb alsoHalted(Irb ended) {
        Scsw scsw = ended.scsw();
        int control = scsw.control() | Scsw.control(0, Scsw.FCTL_HALT_FUNC, 0, 0);
        return new Irb(new Scsw(control, scsw.cpa(), scsw.dstat(), scsw.cstat(), scsw.count()), ended.esw());
    }

    /** Unsolicited: the device requests attention. */
    static Irb attention() {
        return irb(0, Scsw.STCTL_ALERT_STATUS | Scsw.STCTL_STATUS_PEND, DeviceStatus.ATTENTION);
    }

    /** The channel has failed: a check that the extended-status word describes. */
    static Irb failed() {
        int stctl = Scsw.STCTL_ALERT_STATUS | Scsw.STCTL_PRIM_STATUS | Scsw.STCTL_SEC_STATUS | Scsw.STCTL_STATUS_PEND;
        int control = Scsw.control(Scsw.ESWF, Scsw.FCTL_START_FUNC, 0, stctl);
        return Irb.of(new Scsw(control, 0, 0, SubchannelStatus.CHANNEL_CONTROL_CHECK, 0));
    }

    private static Irb irb(int fctl, int stctl, int dstat) {
        return Irb.of(new Scsw(Scsw.control(0, fctl, 0, stctl), 0, dstat, 0, 0));
    }

    /** {@code scsw_is_solicited()}. */
    static boolean isSolicited(Scsw scsw) {
        return scsw.cc() != 0 || scsw.stctl() != (Scsw.STCTL_STATUS_PEND | Scsw.STCTL_ALERT_STATUS);
    }

    /** Whether no more status of the program follows: {@code is_final} of {@code vfio_ccw_sch_io_todo()}. */
    static boolean isFinal(Scsw scsw) {
        return (scsw.actl() & (Scsw.ACTL_DEVACT | Scsw.ACTL_SCHACT)) == 0;
    }
}
