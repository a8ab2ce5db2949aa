package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/** The translation API that a back-end provides to one open device. */
@ConsumerType
public interface DmaAttachment extends DmaAccess {
    /**
     * Called when the device is released: its notifiers are unregistered; pins and ranges that it did not release are
     * released and named in the log. Its views are invalid once this returns. All other calls then throw ENODEV.
     */
    void detach();
}
