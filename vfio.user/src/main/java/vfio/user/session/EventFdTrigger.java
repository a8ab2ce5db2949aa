package vfio.user.session;

import mdev.api.vfio.IrqTrigger;
import mdev.linux.PeerEventFd;
import vfio.user.trace.MessageCounters;
import vfio.user.trace.TraceSwitch;

/** An interrupt trigger that signals an eventfd of the client. */
final class EventFdTrigger implements IrqTrigger {
    private final PeerEventFd eventfd;
    private final int index;
    private final int vector;
    private final MessageCounters counters;
    private final TraceSwitch trace;

    EventFdTrigger(PeerEventFd eventfd, int index, int vector, MessageCounters counters, TraceSwitch trace) {
        this.eventfd = eventfd;
        this.index = index;
        this.vector = vector;
        this.counters = counters;
        this.trace = trace;
    }

    @Override
    public void signal() {
        eventfd.signal();
        counters.interrupt();
        trace.interrupt(index, vector);
    }

    @Override
    public void close() {
        eventfd.close();
    }
}
