package vfio.mdev.iommu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.VfioNotifier;
import org.jspecify.annotations.Nullable;

/**
 * The address space as seen by one device: validates requests as {@code vfio_pin_pages()} and related functions do, and
 * owns the device's pins.
 */
final class Attachment implements DmaAttachment {
    private final AddressSpace space;
    private final String vendor;
    private volatile boolean detached;

    Attachment(AddressSpace space, String vendor) {
        this.space = space;
        this.vendor = vendor;
    }

    String vendor() {
        return vendor;
    }

    boolean isDetached() {
        return detached;
    }

    @Override
    public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
        checkPages(userPfn);
        checkMayPin();
        List<PinnedPage> pages = new ArrayList<>(userPfn.length);
        try {
            for (long pfn : userPfn) {
                pages.add(space.pin(this, iova(pfn), prot));
            }
            return pages;
        } catch (ErrnoException e) {
            for (int i = 0; i < pages.size(); i++) {
                space.unpin(this, iova(userPfn[i]));
            }
            throw e;
        }
    }

    @Override
    public int unpinPages(long[] userPfn) throws ErrnoException {
        checkPages(userPfn);
        space.checkPinning();
        int done = 0;
        while (done < userPfn.length && space.unpin(this, iova(userPfn[done]))) {
            done++;
        }
        if (done == 0) {
            throw notMapped(iova(userPfn[0]));
        }
        return done;
    }

    @Override
    public void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        checkTransfer(data, offset, length);
        space.read(iova, data, offset, length);
    }

    @Override
    public void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        checkTransfer(data, offset, length);
        space.write(iova, data, offset, length);
    }

    @Override
    public DmaRange mapRange(long iova, long length, int prot) throws ErrnoException {
        checkAttached();
        if (length <= 0 || Long.compareUnsigned(iova + length - 1, iova) < 0) {
            throw new ErrnoException(Errno.EINVAL, "invalid length: " + length + " bytes");
        }
        checkMayPin();
        MappedRange range = new MappedRange(this);
        try {
            space.mapRange(range, iova, iova + length - 1, prot);
            return range;
        } catch (ErrnoException e) {
            range.close();
            throw e;
        }
    }

    @Override
    public void registerNotifier(VfioNotifier notifier) throws ErrnoException {
        checkAttached();
        space.notifiers().register(this, unmapNotifier(notifier));
    }

    @Override
    public void unregisterNotifier(VfioNotifier notifier) throws ErrnoException {
        checkAttached();
        space.notifiers().unregister(this, unmapNotifier(notifier));
    }

    @Override
    public void detach() {
        // Set before the pins are dropped, so that a later pin sees it (Pins).
        detached = true;
        space.notifiers().unregisterAll(this);
        space.unpinAll(this);
    }

    private static VfioNotifier.DmaUnmap unmapNotifier(VfioNotifier notifier) throws ErrnoException {
        if (notifier instanceof VfioNotifier.DmaUnmap unmap) {
            return unmap;
        }
        throw new ErrnoException(Errno.EINVAL, "an IOMMU notifies only of DMA_UNMAP");
    }

    private void checkPages(long[] userPfn) throws ErrnoException {
        checkAttached();
        if (userPfn.length == 0) {
            throw new ErrnoException(Errno.EINVAL, "no page");
        }
        if (userPfn.length > MAX_PIN_PAGES) {
            throw new ErrnoException(Errno.E2BIG, userPfn.length + " pages, at most " + MAX_PIN_PAGES);
        }
    }

    private void checkMayPin() throws ErrnoException {
        space.checkPinning();
        if (space.notifiers().isEmpty()) {
            throw new ErrnoException(Errno.EINVAL, "no DMA_UNMAP notifier is registered");
        }
    }

    private void checkTransfer(MemorySegment data, long offset, long length) throws ErrnoException {
        checkAttached();
        if (length <= 0 || offset < 0 || offset > data.byteSize() - length) {
            throw new ErrnoException(Errno.EINVAL, "not " + length + " bytes at " + offset + " of " + data.byteSize());
        }
    }

    private void checkAttached() throws ErrnoException {
        if (detached) {
            throw new ErrnoException(Errno.ENODEV, "the device is released");
        }
    }

    /** The address of a page; for a page beyond the address space, an address that is never mapped. */
    private static long iova(long pfn) throws ErrnoException {
        if (pfn >>> (Long.SIZE - AddressSpace.PAGE_SHIFT) != 0) {
            throw notMapped(pfn);
        }
        return pfn << AddressSpace.PAGE_SHIFT;
    }

    static ErrnoException notMapped(long iova) {
        return new ErrnoException(Errno.EINVAL, "nothing is mapped at 0x" + Long.toHexString(iova));
    }

    @Override
    public String toString() {
        return vendor;
    }

    /** A range that a vendor holds over one or more mappings. */
    static final class MappedRange implements DmaRange {
        private final Attachment owner;

        /** Complete before the vendor receives the range. */
        private final List<DmaMapping> mappings = new ArrayList<>();

        private final List<MemorySegment> segments = new ArrayList<>();

        private MappedRange(Attachment owner) {
            this.owner = owner;
        }

        Attachment owner() {
            return owner;
        }

        void add(DmaMapping mapping, MemorySegment segment) {
            mappings.add(mapping);
            segments.add(segment);
        }

        /** The last mapping of the range so far. */
        @Nullable
        DmaMapping end() {
            return mappings.isEmpty() ? null : mappings.getLast();
        }

        @Override
        public List<MemorySegment> segments() {
            return List.copyOf(segments);
        }

        @Override
        public void close() {
            mappings.forEach(mapping -> mapping.pins().release(this));
        }
    }
}
