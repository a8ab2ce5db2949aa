package vfio.mdev.iommu;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * The mappings removed by one unmap request: counts how often their vendors were notified, and completes the removal.
 * Used by one thread.
 */
final class Eviction {
    /**
     * Grace period for accesses running during the unmap. Together with a notifier call it stays below a virtual
     * machine's timeout of 5 s.
     */
    private static final Duration GRACE = Duration.ofSeconds(3);

    /**
     * The maximum number of notifications to a vendor that keeps its pins; after the same number the kernel gives up
     * with a BUG (vfio_dma_do_unmap).
     */
    private static final int RETRIES = 10;

    private record Gone(DmaMapping mapping, List<Attachment> unpinned) {}

    private final Consumer<String> warnings;
    private final List<Gone> gone = new ArrayList<>();
    private @Nullable DmaMapping asked;
    private int times;

    /** @param warnings receives the log messages about vendors that keep pins or accesses */
    Eviction(Consumer<String> warnings) {
        this.warnings = warnings;
    }

    /** Ends a mapping, unless its vendors must be notified first. */
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

    /** Notifies the vendors to drop their pins; called without any lock. */
    void ask(DmaMapping held, Notifiers vendors) {
        times = held == asked ? times + 1 : 1;
        asked = held;
        if (!vendors.dmaUnmap(held)) {
            times = RETRIES;
        }
    }

    /** Called after the mappings have left the address space: waits until no access is possible. */
    void finish() {
        Deadline deadline = deadline();
        for (Gone each : gone) {
            each.mapping.close(deadline);
            for (Attachment vendor : each.unpinned) {
                warnings.accept("%s kept %s pinned after DMA_UNMAP: its pins are dropped by force"
                        .formatted(vendor, each.mapping));
            }
        }
        for (Gone each : gone) {
            if (!each.mapping.await(deadline)) {
                warnings.accept("%s is unmapped, but an access to it is still running: its memory is freed later"
                        .formatted(each.mapping));
            }
        }
    }

    List<DmaMapping> mappings() {
        return gone.stream().map(Gone::mapping).toList();
    }

    /** The deadline for running accesses. */
    static Deadline deadline() {
        return Deadline.in(GRACE);
    }
}
