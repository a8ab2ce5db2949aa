package vendor.ccwsim.channel;

import java.util.function.Consumer;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.DmaAccess;
import org.jspecify.annotations.Nullable;

/**
 * A channel program of the user: its CCWs and IDAWs copied, its data pages pinned, as {@code cp_init()} and {@code
 * cp_prefetch()} of the kernel's vfio_ccw do. One thread executes it; {@link #interrupt()} and {@link #pins} may be
 * called from others.
 */
public final class ChannelProgram implements AutoCloseable {
    /**
     * Commands chained without any data moved: with more, the program is an invalid sequence (Principles of Operation,
     * chapter 16, "Program Check"), which ends loops that do nothing.
     */
    static final int MAX_IDLE = 256;

    private static final int ENDED = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END;

    private final Orb orb;
    private final ProgramCopy program;
    private final Cursor cursor;
    private final Object lock = new Object();
    private boolean interrupted;

    /** Of the next CCW to execute, or of a transfer in channel to it. */
    private long address;

    /** No command has been executed. */
    private boolean first = true;

    /** The intermediate status of the next CCW has been presented: it has been begun before. */
    private boolean presented;

    /** The zero condition code has been presented, or is not wanted. */
    private boolean accepted;

    private int idle;

    private ChannelProgram(Orb orb, ProgramCopy program) {
        this.orb = orb;
        this.program = program;
        cursor = new Cursor(program);
        address = orb.firstCcw();
        accepted = !orb.has(Orb.ISIC);
    }

    /**
     * Copies the program and pins its data. Pairs with {@link #close()}. What the architecture makes a program check is
     * no error here: {@link #execute} reports it, if the program gets there.
     *
     * @throws ErrnoException EOPNOTSUPP: transport mode, or IDAWs of a format other than 2 with blocks of 4 KiB;
     *     EINVAL: a chain of more than 256 CCWs, or a page that is not mapped; EFAULT: a page without memory; EPERM: a
     *     CCW or IDAW that the user may not read; ENOMEM: more than 64 chains or 64 MiB of data
     */
    public static ChannelProgram fetch(Orb orb, DmaAccess memory) throws ErrnoException {
        if (orb.has(Orb.TRANSPORT_MODE)) {
            throw new ErrnoException(Errno.EOPNOTSUPP, "transport mode is not supported");
        }
        var program = new ProgramCopy(orb, memory);
        program.fetch();
        return prefetched(new ChannelProgram(orb, program));
    }

    /**
     * Pins the data of a saved program again, for it to continue. Pairs with {@link #close()}.
     *
     * @throws ErrnoException EINVAL: not a state of a program; the others as for {@link #fetch}
     */
    public static ChannelProgram restore(DeviceState state, DmaAccess memory) throws ErrnoException {
        Orb orb = ProgramState.orb(state);
        var program = new ProgramCopy(orb, memory);
        ProgramState.steps(state).forEach(program::add);
        var restored = new ChannelProgram(orb, program);
        restored.address = state.number("next");
        restored.first = state.flag("first");
        restored.presented = state.flag("presented");
        restored.accepted = state.flag("accepted");
        restored.idle = state.number("idle", 0, MAX_IDLE);
        return prefetched(restored);
    }

    private static ChannelProgram prefetched(ChannelProgram program) throws ErrnoException {
        try {
            program.program.prefetch();
            return program;
        } catch (ErrnoException e) {
            program.close();
            throw e;
        }
    }

    /**
     * Executes the program, or continues it after an interruption, until it has ended. A program that suspends itself
     * waits here: over vfio-ccw nothing resumes it.
     *
     * @param intermediate receives intermediate status, on the calling thread
     * @return the status with which the program has ended: primary and secondary
     * @throws InterruptedException {@link #interrupt()} or that of the device came: {@link #save()} has the position,
     *     and the method can be called again
     */
    public Irb execute(CcwDevice device, Consumer<Irb> intermediate) throws InterruptedException {
        while (true) {
            checkInterrupted();
            Cursor.Fetched fetched = first ? cursor.first(address) : cursor.next(address, false);
            Step step = fetched.step();
            if (step == null || idle == MAX_IDLE) {
                return ending(fetched.cpa(), 0, SubchannelStatus.PROGRAM_CHECK, 0);
            }
            if (step.ccw().has(Ccw.SUSPEND)) {
                suspend(step, intermediate);
            }
            Irb ending = command(step, device, intermediate);
            if (ending != null) {
                return ending;
            }
        }
    }

    /** Executes a command; null: the program goes on. */
    private @Nullable Irb command(Step step, CcwDevice device, Consumer<Irb> intermediate) throws InterruptedException {
        if (!presented) {
            begin(step, intermediate);
            presented = true;
        }
        var transfer = new ChannelTransfer(
                cursor, step, chained -> begin(chained, intermediate), () -> accept(step, intermediate));
        int status = execute(step, device, transfer);
        first = false;
        presented = false;
        Step last = transfer.step();
        int cstat = transfer.check() != 0 ? transfer.check() : incorrectLength(transfer, status);
        boolean chaining = last.ccw().has(Ccw.CC) && !last.ccw().has(Ccw.CD);
        if (!chaining || cstat != 0 || (status & ~DeviceStatus.STATUS_MODIFIER) != ENDED) {
            return ending(transfer.cpa(), status, cstat, transfer.left());
        }
        idle = transfer.moved() ? 0 : idle + 1;
        address = last.address() + Ccw.SIZE;
        if ((status & DeviceStatus.STATUS_MODIFIER) != 0) {
            address += Ccw.SIZE;
        }
        return null;
    }

    private static int execute(Step step, CcwDevice device, ChannelTransfer transfer) throws InterruptedException {
        try {
            return device.execute(step.ccw().command(), transfer);
        } catch (TransferEndedException _) {
            return ENDED; // the device ends the command as after a stop signal
        }
    }

    /** Presents what a CCW causes when it becomes current. */
    private void begin(Step step, Consumer<Irb> intermediate) {
        int cstat = step.ccw().has(Ccw.PCI) ? SubchannelStatus.PCI : 0;
        // A control command can be immediate: it has been accepted when it moves data.
        boolean zero = !accepted && !Ccw.isControl(step.ccw().command());
        accepted |= zero;
        if (zero || cstat != 0) {
            intermediate.accept(active(step, zero ? Scsw.ZCC : 0, cstat));
        }
    }

    private void accept(Step step, Consumer<Irb> intermediate) {
        if (!accepted) {
            accepted = true;
            intermediate.accept(active(step, Scsw.ZCC, 0));
        }
    }

    private Irb active(Step step, int flags, int cstat) {
        return irb(
                flags,
                Scsw.ACTL_SCHACT | Scsw.ACTL_DEVACT,
                Scsw.STCTL_INTER_STATUS | Scsw.STCTL_STATUS_PEND,
                new Scsw(
                        0, (int) step.address() + Ccw.SIZE, 0, cstat, step.ccw().count()));
    }

    private void suspend(Step step, Consumer<Irb> intermediate) throws InterruptedException {
        boolean pci = step.ccw().has(Ccw.PCI);
        if (!presented && (pci || !orb.has(Orb.SSIC))) {
            intermediate.accept(irb(
                    0,
                    Scsw.ACTL_SUSPENDED,
                    Scsw.STCTL_ALERT_STATUS | Scsw.STCTL_INTER_STATUS | Scsw.STCTL_STATUS_PEND,
                    new Scsw(0, (int) step.address() + Ccw.SIZE, 0, pci ? SubchannelStatus.PCI : 0, 0)));
        }
        presented = true;
        synchronized (lock) {
            while (!interrupted) {
                lock.wait();
            }
        }
        checkInterrupted();
    }

    /** The incorrect-length condition of a command (Principles of Operation, chapter 16, "Incorrect Length"). */
    private int incorrectLength(ChannelTransfer transfer, int status) {
        Ccw ccw = transfer.step().ccw();
        boolean rejected = !transfer.used() && (status & (DeviceStatus.UNIT_CHECK | DeviceStatus.BUSY)) != 0;
        if (rejected || (ccw.has(Ccw.SLI) && !ccw.has(Ccw.CD))) {
            return 0;
        }
        boolean immediate = !transfer.used() && Ccw.isControl(ccw.command());
        boolean wrong = immediate
                ? orb.has(Orb.FMT) && !orb.has(Orb.ILS) && ccw.count() != 0
                : transfer.left() != 0 || transfer.exceeded() || ccw.has(Ccw.CD);
        return wrong ? SubchannelStatus.INCORRECT_LENGTH : 0;
    }

    private Irb ending(long cpa, int dstat, int cstat, int count) {
        boolean unusual = cstat != 0 || dstat != ENDED;
        return irb(
                0,
                0,
                Scsw.STCTL_PRIM_STATUS
                        | Scsw.STCTL_SEC_STATUS
                        | Scsw.STCTL_STATUS_PEND
                        | (unusual ? Scsw.STCTL_ALERT_STATUS : 0),
                new Scsw(0, (int) cpa, dstat, cstat, count));
    }

    private Irb irb(int flags, int actl, int stctl, Scsw rest) {
        int control = Scsw.control(Scsw.flags(orb) | flags, Scsw.FCTL_START_FUNC, actl, stctl);
        return Irb.of(new Scsw(control, rest.cpa(), rest.dstat(), rest.cstat(), rest.count()));
    }

    /**
     * Ends {@link #execute}, or the next one, before its next command, also a program that loops or is suspended. A
     * command that waits in the device is ended by {@link CcwDevice#interrupt()}: a caller needs both. Thread-safe.
     */
    public void interrupt() {
        synchronized (lock) {
            interrupted = true;
            lock.notifyAll();
        }
    }

    private void checkInterrupted() throws InterruptedException {
        synchronized (lock) {
            if (interrupted) {
                interrupted = false;
                throw new InterruptedException("the channel program was interrupted");
            }
        }
    }

    /** {@code cp_iova_pinned()}: whether the program has pinned data in the range, or did until it was closed. */
    public boolean pins(long iova, long size) {
        return program.pins(iova, size);
    }

    /** The copied program and its position; it is not executing. */
    public DeviceState save() {
        return ProgramState.of(orb, program.steps())
                .with("next", address)
                .with("first", first)
                .with("presented", presented)
                .with("accepted", accepted)
                .with("idle", idle);
    }

    /** Unpins the data. Idempotent; the program is not executing. */
    @Override
    public void close() {
        program.close();
    }
}
