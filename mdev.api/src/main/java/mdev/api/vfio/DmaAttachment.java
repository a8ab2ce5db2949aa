package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/** The translation API as a back-end gives it to one open device. */
@ConsumerType
public interface DmaAttachment extends DmaAccess {
    /**
     * The device is released: its notifiers are gone, and its pins and ranges are taken back and named in the log, if it left any. Its views are dead when this
     * returns. Every other call is ENODEV from then on.
     */
    void detach();
}
