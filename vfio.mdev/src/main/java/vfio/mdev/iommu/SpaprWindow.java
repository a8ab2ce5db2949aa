package vfio.mdev.iommu;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/**
 * A DMA window: the externally visible part of {@code struct iommu_table}.
 *
 * @param start of the window, in bytes
 * @param size in bytes; a power of two
 * @param pageShift the binary logarithm of its page size
 */
record SpaprWindow(long start, long size, int pageShift) {
    /** Page sizes of 4 KiB, 64 KiB and 16 MiB. */
    static final long PGSIZES = (1L << 12) | (1L << 16) | (1L << 24);

    /** {@code POWERNV_IOMMU_MAX_LEVELS} of arch/powerpc/platforms/powernv/pci.h. */
    static final int MAX_LEVELS = 5;

    /** Start addresses of the windows by number: {@code tce32_start} and {@code tce64_start}. */
    private static final long[] STARTS = {0, 1L << 59};

    /** {@code IOMMU_TABLE_GROUP_MAX_TABLES}. */
    static final int MAX_WINDOWS = STARTS.length;

    static final long DEFAULT_SIZE = 1L << 30;

    static SpaprWindow defaultWindow() {
        return new SpaprWindow(STARTS[0], DEFAULT_SIZE, 12);
    }

    /**
     * {@code pnv_pci_ioda2_table_alloc_pages()} of arch/powerpc/platforms/powernv/pci-ioda-tce.c.
     *
     * @throws ErrnoException EINVAL: such a table is impossible
     */
    static SpaprWindow create(int number, int pageShift, long size, int levels) throws ErrnoException {
        if (pageShift < 0 || pageShift >= Long.SIZE || (PGSIZES & (1L << pageShift)) == 0) {
            throw new ErrnoException(Errno.EINVAL, "page size 2^" + pageShift + ", must be 2^12, 2^16 or 2^24");
        }
        int windowShift = Long.numberOfTrailingZeros(size);
        if (levels < 1 || levels > MAX_LEVELS || Long.bitCount(size) != 1 || windowShift < pageShift) {
            throw new ErrnoException(
                    Errno.EINVAL, "a window of " + Long.toUnsignedString(size) + " bytes and " + levels + " levels");
        }
        int levelEntries = Math.max(Math.ceilDiv(windowShift - pageShift, levels), AddressSpace.PAGE_SHIFT - 3);
        if (levelEntries * levels + pageShift >= 60) {
            throw new ErrnoException(Errno.EINVAL, "a table of " + levels + " levels is too large");
        }
        return new SpaprWindow(STARTS[number], size, pageShift);
    }

    long last() {
        return start + size - 1;
    }

    boolean contains(long iova) {
        return Long.compareUnsigned(iova, start) >= 0 && Long.compareUnsigned(iova, last()) <= 0;
    }

    /** @throws ErrnoException EINVAL: not a multiple of the window's page size */
    void checkAligned(long bits) throws ErrnoException {
        if ((bits & ((1L << pageShift) - 1)) != 0) {
            throw new ErrnoException(Errno.EINVAL, "not a multiple of the window's pages of 2^" + pageShift + " bytes");
        }
    }

    /**
     * The last byte of a range in the window. The kernel checks only its first page ({@code iommu_tce_check_ioba()})
     * and writes beyond the table.
     *
     * @param size at least 1
     */
    long lastOf(long iova, long size) throws ErrnoException {
        long last = iova + size - 1;
        if (Long.compareUnsigned(last, iova) < 0 || !contains(last)) {
            throw new ErrnoException(Errno.EINVAL, "the range ends beyond the window");
        }
        return last;
    }
}
