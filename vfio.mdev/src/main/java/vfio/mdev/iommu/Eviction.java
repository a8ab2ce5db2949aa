package vfio.mdev.iommu;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * The mappings that one request takes out: how often their vendors were asked to let go, and what happens to those that
 * have gone. One thread.
 */
final class Eviction {
    /**
     * For accesses that are inside a mapping when it goes; with a vendor's notifier it stays below the 5 s after which
     * a virtual machine gives up.
     */
    private static final Duration GRACE = Duration.ofSeconds(3);

    /**
     * How often a vendor is told that does not let go; after as many the kernel gives up with a BUG
     * (vfio_dma_do_unmap).
     */
    private static final int RETRIES = 10;

    private record Gone(DmaMapping mapping, List<Attachment> unpinned) {}

    private final Consumer<String> warnings;
    private final List<Gone> gone = new ArrayList<>();
    private @Nullable DmaMapping asked;
    private int times;

    /** @param warnings takes the lines of the log that name who did not do its part */
    Eviction(Consumer<String> warnings) {
        this.warnings = warnings;
    }

    /** Ends a mapping, unless its vendors are to be asked before. */
    boolean end(DmaMapping mapping) {
        if (mapping.pins().endUnpinned()) {
            gone.add(new Gone(mapping, List.of()));
            return true;
        }
        if (mapping == asked && times >= RETRIES) {
            gone.add(new Gone(mapping, mapping.pins().end()));
            return true;
        }
        return false;
    }

    /** Asks the vendors to let go, without any lock. */
    void ask(DmaMapping held, Notifiers vendors) {
        times = held == asked ? times + 1 : 1;
        asked = held;
        if (!vendors.dmaUnmap(held)) {
            times = RETRIES;
        }
    }

    /** After the mappings have left the address space: waits until no access is possible. */
    void finish() {
        Deadline deadline = deadline();
        for (Gone each : gone) {
            each.mapping.close(deadline);
            for (Attachment vendor : each.unpinned) {
                warnings.accept("%s did not let go of %s on DMA_UNMAP: its pins are taken by force"
                        .formatted(vendor, each.mapping));
            }
        }
        for (Gone each : gone) {
            if (!each.mapping.await(deadline)) {
                warnings.accept("%s is unmapped, but an access to it does not return: its memory stays until it does"
                        .formatted(each.mapping));
            }
        }
    }

    List<DmaMapping> mappings() {
        return gone.stream().map(Gone::mapping).toList();
    }

    /** When to stop waiting for what should end now. */
    static Deadline deadline() {
        return Deadline.in(GRACE);
    }
}
