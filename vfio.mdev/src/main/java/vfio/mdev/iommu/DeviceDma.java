package vfio.mdev.iommu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.VfioNotifier;
import mdev.sync.FaultLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The DMA half of a device's context from its opening to its release: the address space by {@link DmaAttachment}, and who the user is. */
public final class DeviceDma implements DmaAccess {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceDma.class);

    private final DmaAttachment attachment;
    private final String client;
    private final FaultLog faults;
    private final List<VfioNotifier.Client> clients = new CopyOnWriteArrayList<>();
    private volatile boolean gone;

    /**
     * @param vendor names the device's driver in the log
     * @param attachment detached by {@link #detach}
     * @param client who uses the device
     */
    public DeviceDma(String vendor, DmaAttachment attachment, String client) {
        this.attachment = attachment;
        this.client = client;
        this.faults = new FaultLog(LOG, vendor);
    }

    /** Of a device that is opened for its driver to be asked something, by nobody who has memory. */
    public static DeviceDma none() {
        return new DeviceDma("", () -> {}, "");
    }

    /** Tells the vendor that its user is going; before the vendor's release. Called once. */
    public void clientGone() {
        gone = true;
        for (VfioNotifier.Client notifier : clients) {
            try {
                notifier.detached();
            } catch (RuntimeException | Error e) {
                faults.report("a client notifier", e);
            }
        }
        clients.clear();
    }

    /** Takes back what the vendor still holds; after the vendor's release. */
    public void detach() {
        attachment.detach();
    }

    @Override
    public void registerNotifier(VfioNotifier notifier) throws ErrnoException {
        switch (notifier) {
            case VfioNotifier.DmaUnmap _ -> attachment.registerNotifier(notifier);
            case VfioNotifier.Client user -> register(user);
        }
    }

    private void register(VfioNotifier.Client notifier) throws ErrnoException {
        synchronized (clients) {
            if (gone) {
                throw new ErrnoException(Errno.ENODEV, "the device is released");
            }
            if (clients.contains(notifier)) {
                throw new ErrnoException(Errno.EEXIST, "the notifier is registered");
            }
            clients.add(notifier);
        }
        notifier.attached(client);
    }

    @Override
    public void unregisterNotifier(VfioNotifier notifier) throws ErrnoException {
        switch (notifier) {
            case VfioNotifier.DmaUnmap _ -> attachment.unregisterNotifier(notifier);
            case VfioNotifier.Client user -> {
                if (!clients.remove(user)) {
                    throw new ErrnoException(Errno.ENOENT, "the notifier is not registered");
                }
            }
        }
    }

    @Override
    public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
        return attachment.pinPages(userPfn, prot);
    }

    @Override
    public int unpinPages(long[] userPfn) throws ErrnoException {
        return attachment.unpinPages(userPfn);
    }

    @Override
    public void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        attachment.dmaRead(iova, data, offset, length);
    }

    @Override
    public void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        attachment.dmaWrite(iova, data, offset, length);
    }

    @Override
    public DmaRange mapRange(long iova, long length, int prot) throws ErrnoException {
        return attachment.mapRange(iova, length, prot);
    }
}
