package vfio.user.conformance;

import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.QuiescentDevice;

/** A card that has RUNNING_P2P. In a migration every call between quiesce and unquiesce finds it quiescent. */
final class QuiescentCard extends StatefulCard implements QuiescentDevice {
    volatile Hook onQuiesce = NOTHING;
    volatile Hook onUnquiesce = NOTHING;
    final AtomicInteger quiesced = new AtomicInteger();
    private volatile boolean quiescent;

    @Override
    public void quiesce() throws ErrnoException {
        calls.add("quiesce");
        require(!quiescent);
        onQuiesce.run();
        quiescent = true;
        quiesced.incrementAndGet();
    }

    @Override
    public void unquiesce() throws ErrnoException {
        calls.add("unquiesce");
        require(!isStopped());
        quiescent = false;
        onUnquiesce.run();
    }

    @Override
    public void stop() throws ErrnoException {
        require(quiescent);
        super.stop();
    }

    @Override
    public DeviceState save() throws ErrnoException {
        require(quiescent);
        return super.save();
    }

    @Override
    public void restore(DeviceState state) throws ErrnoException {
        require(quiescent);
        super.restore(state);
    }

    @Override
    public void resume() throws ErrnoException {
        require(quiescent || !isStopped()); // after an unquiesce that has failed, and a reset
        super.resume();
    }
}
