package vfio.user.conformance;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioPci;

/** A card that can be migrated: its state is BAR0 and configuration space. It lists what it is asked to do. */
class StatefulCard extends Card implements StatefulDevice {
    /** Called within a call of the framework, which fails if this throws. */
    @FunctionalInterface
    interface Hook {
        void run() throws ErrnoException;
    }

    static final Hook NOTHING = () -> {};

    /** stop, save, restore, resume and reset, in order, and quiesce and unquiesce. */
    final List<String> calls = new CopyOnWriteArrayList<>();

    /** Accesses to BARs, and calls, of a stopped card that the contract rules out. */
    final AtomicInteger violations = new AtomicInteger();

    volatile Hook onStop = NOTHING;
    volatile Hook onSave = NOTHING;
    volatile Hook onRestore = NOTHING;
    volatile Hook onResume = NOTHING;
    private volatile boolean stopped;

    /** What it was asked to do since the last call. */
    List<String> took() {
        List<String> took = List.copyOf(calls);
        calls.clear();
        return took;
    }

    /** The card takes the place of one that is stopped. */
    void adopt() {
        stopped = true;
    }

    final boolean isStopped() {
        return stopped;
    }

    final void require(boolean right) {
        if (!right) {
            violations.incrementAndGet();
        }
    }

    @Override
    public void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        require(!stopped || region == VfioPci.CONFIG_REGION);
        super.read(region, offset, data, dataOffset, length);
    }

    @Override
    public void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        require(!stopped || region == VfioPci.CONFIG_REGION);
        super.write(region, offset, data, dataOffset, length);
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        if (request instanceof Reset) {
            calls.add("reset");
            Arrays.fill(bar0, (byte) 0);
            Arrays.fill(config, (byte) 0);
        }
        return super.ioctl(request);
    }

    @Override
    public int stateVersion() {
        return 2;
    }

    @Override
    public void stop() throws ErrnoException {
        calls.add("stop");
        require(!stopped);
        onStop.run();
        stopped = true;
    }

    @Override
    public DeviceState save() throws ErrnoException {
        calls.add("save");
        require(stopped);
        onSave.run();
        return DeviceState.version(2).with("bar0", bar0.clone()).with("config", config.clone());
    }

    @Override
    public void restore(DeviceState state) throws ErrnoException {
        calls.add("restore");
        require(stopped);
        onRestore.run();
        if (state.version() > 2) {
            throw new ErrnoException(Errno.EINVAL, "state: version " + state.version());
        }
        System.arraycopy(state.bytes("bar0"), 0, bar0, 0, bar0.length);
        System.arraycopy(state.bytes("config"), 0, config, 0, config.length);
    }

    @Override
    public void resume() throws ErrnoException {
        calls.add("resume");
        stopped = false;
        onResume.run();
    }
}
