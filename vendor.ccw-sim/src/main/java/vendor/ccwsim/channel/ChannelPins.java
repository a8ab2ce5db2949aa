package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.PinnedPage;
import org.jspecify.annotations.Nullable;

/** Pins and unpins pages as the channel needs them. */
final class ChannelPins {
    private static final int READ_WRITE = DmaAccess.IOMMU_READ | DmaAccess.IOMMU_WRITE;

    private ChannelPins() {}

    /** The page frame of an address. */
    static long pfn(long address) {
        return address >>> Integer.numberOfTrailingZeros(DmaAccess.PAGE_SIZE);
    }

    /** The offset of an address in its page. */
    static int offset(long address) {
        return (int) (address & DmaAccess.PAGE_SIZE - 1);
    }

    /** Copies bytes by pinning their pages for as long as that takes. */
    static MemorySegment copy(DmaAccess memory, long address, int length) throws ErrnoException {
        var copy = MemorySegment.ofArray(new byte[length]);
        int done = 0;
        while (done < length) {
            long[] pfn = {pfn(address + done)};
            int offset = offset(address + done);
            int bytes = Math.min(length - done, DmaAccess.PAGE_SIZE - offset);
            PinnedPage page = memory.pinPages(pfn, DmaAccess.IOMMU_READ).getFirst();
            try {
                MemorySegment.copy(page.page(), offset, copy, done, bytes);
            } catch (IllegalStateException _) {
                throw new ErrnoException(Errno.EFAULT, "the page was unmapped while the channel fetched from it");
            } finally {
                unpin(memory, pfn);
            }
            done += bytes;
        }
        return copy;
    }

    /**
     * Pins pages for reading and writing, as the kernel does, and those that the user may not write for reading. Pairs
     * with {@link #unpin}, for the pages that are not null.
     *
     * @return one page per entry; null: the user may not even read it
     */
    static @Nullable MemorySegment[] pin(DmaAccess memory, long[] pfns) throws ErrnoException {
        @Nullable MemorySegment[] pages = new MemorySegment[pfns.length];
        List<PinnedPage> all = pinPermitted(memory, pfns, READ_WRITE);
        if (all.size() == pfns.length) {
            Arrays.setAll(pages, i -> all.get(i).page());
            return pages;
        }
        for (int i = 0; i < pfns.length; i++) {
            try {
                pages[i] = pinOne(memory, pfns[i]);
            } catch (ErrnoException e) {
                unpin(memory, pinned(Arrays.copyOf(pfns, i), pages));
                throw e;
            }
        }
        return pages;
    }

    private static @Nullable MemorySegment pinOne(DmaAccess memory, long pfn) throws ErrnoException {
        List<PinnedPage> page = pinPermitted(memory, new long[] {pfn}, READ_WRITE);
        if (page.isEmpty()) {
            page = pinPermitted(memory, new long[] {pfn}, DmaAccess.IOMMU_READ);
        }
        return page.isEmpty() ? null : page.getFirst().page();
    }

    /** Empty if the user's mapping does not permit it. */
    private static List<PinnedPage> pinPermitted(DmaAccess memory, long[] pfns, int prot) throws ErrnoException {
        try {
            return memory.pinPages(pfns, prot);
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EPERM) {
                return List.of();
            }
            throw e;
        }
    }

    /** The page frames that are pinned. */
    static long[] pinned(long[] pfns, @Nullable MemorySegment[] pages) {
        long[] pinned = new long[pfns.length];
        int count = 0;
        for (int i = 0; i < pfns.length; i++) {
            if (pages[i] != null) {
                pinned[count++] = pfns[i];
            }
        }
        return Arrays.copyOf(pinned, count);
    }

    /** Unpins pages; one that has been unmapped lost its pin with that, and the others are still unpinned. */
    static void unpin(DmaAccess memory, long[] pfns) {
        int done = 0;
        while (done < pfns.length) {
            try {
                done += memory.unpinPages(Arrays.copyOfRange(pfns, done, pfns.length));
            } catch (ErrnoException e) {
                if (e.errno() != Errno.EINVAL) {
                    return; // ENODEV: the release of the device has unpinned everything
                }
            }
            // The call stopped at a page that is not mapped, or at the end.
            done++;
        }
    }
}
