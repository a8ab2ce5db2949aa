package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * A vendor's notifier ({@code vfio_register_notifier}), of one of two kinds: {@code VFIO_IOMMU_NOTIFY} and {@code
 * VFIO_GROUP_NOTIFY}.
 */
public sealed interface VfioNotifier {
    /** {@code VFIO_IOMMU_NOTIFY_DMA_UNMAP}. */
    @ConsumerType
    @FunctionalInterface
    non-sealed interface DmaUnmap extends VfioNotifier {
        /**
         * A mapping in which pages are pinned, or which a {@link DmaRange} overlaps, is about to be unmapped. The
         * vendor must release all of it before this returns; pins and ranges that it still holds after ten
         * notifications, or after a second, are revoked. The framework holds no lock during the call, which runs on one
         * of the framework's threads, not always the same one.
         *
         * @param iova the first address of the mapping
         * @param size the size of the whole mapping in bytes, even if a smaller part is being unmapped
         */
        void dmaUnmap(long iova, long size);
    }

    /** Notified of the device's user: the counterpart of {@code VFIO_GROUP_NOTIFY_SET_KVM} in the kernel. */
    @ConsumerType
    non-sealed interface Client extends VfioNotifier {
        /**
         * A user has attached. Registration also calls this if the device already has a user.
         *
         * @param name the user, in a few words
         */
        void attached(String name);

        /**
         * The user is detaching; the device is released next. Called once for each {@link #attached} that has returned,
         * unless the notifier is unregistered first.
         */
        void detached();
    }
}
