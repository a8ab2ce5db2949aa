package mdev.api.sysfs;

import org.osgi.annotation.versioning.ConsumerType;

/** Hears of attributes whose content has changed ({@code sysfs_notify()}). */
@ConsumerType
@FunctionalInterface
public interface SysfsListener {
    /** Called by whoever changed it, with no lock held: hand over what takes time. */
    void notified(SysfsFile file);
}
