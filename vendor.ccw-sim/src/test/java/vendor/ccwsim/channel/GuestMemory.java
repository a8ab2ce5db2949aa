package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.PinnedPage;

/** A user's memory from address 0, mapped page by page, which counts pins. */
public final class GuestMemory implements DmaAccess {
    private static final int READ_WRITE = IOMMU_READ | IOMMU_WRITE;

    public final MemorySegment bytes;
    private final int[] prot;
    private final int[] pins;
    private long pinned;

    /** All pages are mapped for reading and writing. */
    public GuestMemory(int pages) {
        bytes = MemorySegment.ofArray(new byte[pages * PAGE_SIZE]);
        prot = new int[pages];
        pins = new int[pages];
        Arrays.fill(prot, READ_WRITE);
    }

    private GuestMemory(GuestMemory other) {
        bytes = other.bytes;
        prot = other.prot;
        pins = new int[prot.length];
    }

    /** The same memory, mapped for another process. */
    public GuestMemory again() {
        return new GuestMemory(this);
    }

    /** @param access a set of IOMMU_READ and IOMMU_WRITE; -1: not mapped */
    public void map(int page, int access) {
        prot[page] = access;
    }

    /** The pins that are still held. */
    public long pins() {
        return Arrays.stream(pins).asLongStream().sum();
    }

    /** All pins that there ever were. */
    public long everPinned() {
        return pinned;
    }

    public boolean isPinned(long address) {
        return pins[(int) (address / PAGE_SIZE)] != 0;
    }

    public boolean permits(long address, int access) {
        return (prot[(int) (address / PAGE_SIZE)] & access) == access;
    }

    private boolean isMapped(long pfn) {
        return pfn >= 0 && pfn < prot.length && prot[(int) pfn] != -1;
    }

    @Override
    public List<PinnedPage> pinPages(long[] userPfn, int access) throws ErrnoException {
        if (userPfn.length == 0 || !LongStream.of(userPfn).allMatch(this::isMapped)) {
            throw new ErrnoException(Errno.EINVAL);
        }
        if (userPfn.length > MAX_PIN_PAGES) {
            throw new ErrnoException(Errno.E2BIG);
        }
        if (!LongStream.of(userPfn).allMatch(pfn -> (prot[(int) pfn] & access) == access)) {
            throw new ErrnoException(Errno.EPERM);
        }
        return LongStream.of(userPfn).mapToObj(pfn -> pin((int) pfn, access)).toList();
    }

    private PinnedPage pin(int pfn, int access) {
        pins[pfn]++;
        pinned++;
        MemorySegment page = bytes.asSlice((long) pfn * PAGE_SIZE, PAGE_SIZE);
        return new PinnedPage(pfn, (access & IOMMU_WRITE) == 0 ? page.asReadOnly() : page);
    }

    @Override
    public int unpinPages(long[] userPfn) throws ErrnoException {
        if (userPfn.length == 0 || !isMapped(userPfn[0])) {
            throw new ErrnoException(Errno.EINVAL);
        }
        for (int i = 0; i < userPfn.length; i++) {
            if (!isMapped(userPfn[i])) {
                return i;
            }
            if (--pins[(int) userPfn[i]] < 0) {
                throw new AssertionError("page " + userPfn[i] + " is not pinned");
            }
        }
        return userPfn.length;
    }

    /** A mapping that goes away takes its pins with it. */
    public void unmap(int page) {
        prot[page] = -1;
        pins[page] = 0;
    }
}
