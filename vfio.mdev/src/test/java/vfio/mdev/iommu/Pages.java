package vfio.mdev.iommu;

/** The pages of {@link Model} by number: half of them begin at 0, half end the address space. */
final class Pages {
    static final int HALF = 32;
    private static final int PAGE = 4096;

    private Pages() {}

    static long iova(int page) {
        return page < HALF ? (long) page * PAGE : (long) (page - 2 * HALF) * PAGE;
    }

    static int of(long iova) {
        int page = (int) (iova / PAGE);
        return iova >= 0 ? page : 2 * HALF + (int) Math.floorDiv(iova, PAGE);
    }

    static long[] pfns(int[] pages) {
        long[] pfns = new long[pages.length];
        for (int i = 0; i < pages.length; i++) {
            pfns[i] = iova(pages[i]) >>> 12;
        }
        return pfns;
    }
}
