package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/** What a vendor is told ({@code vfio_register_notifier}); the two kinds are {@code VFIO_IOMMU_NOTIFY} and {@code VFIO_GROUP_NOTIFY}. */
public sealed interface VfioNotifier {
    /** {@code VFIO_IOMMU_NOTIFY_DMA_UNMAP}. */
    @ConsumerType
    @FunctionalInterface
    non-sealed interface DmaUnmap extends VfioNotifier {
        /**
         * A mapping in which pages are pinned, or which a {@link DmaRange} touches, is about to go. Before it returns the vendor lets go of all of it; what it holds after
         * being told ten times, or after a second, it loses by force. No lock of the framework is held; the thread is one of the framework, and not always the same.
         *
         * @param iova the first address of the mapping
         * @param size of the whole mapping in bytes, also where less is being unmapped
         */
        void dmaUnmap(long iova, long size);
    }

    /** Who uses the device: what {@code VFIO_GROUP_NOTIFY_SET_KVM} is to a kernel driver. */
    @ConsumerType
    non-sealed interface Client extends VfioNotifier {
        /**
         * A user attached. Also called from the registration when there is one already.
         *
         * @param name who it is, in a few words
         */
        void attached(String name);

        /** The user is going; the device is released next. Called once for each {@link #attached} that has returned, unless the notifier is unregistered before. */
        void detached();
    }
}
