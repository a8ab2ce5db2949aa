package mdev.api.sysfs;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** Notified of changes that a view with cached entries would otherwise miss. Called from any thread. */
@ConsumerType
@FunctionalInterface
public interface SysfsListener {
    /**
     * The content of an attribute has changed ({@code sysfs_notify()}). Called on the thread that made the change, with
     * no lock held; lengthy work belongs on another thread.
     */
    void notified(SysfsFile file);

    /**
     * Entries have been removed, each with its subtree ({@code kernfs_remove()}); another entry with the same name may
     * already exist. Called on the thread that removed them, with no lock held, before that thread continues: so a view
     * has dropped the entries from its cache by the time a removal returns. The call may take only as long as that
     * needs.
     */
    default void removed(List<Entry> entries) {}

    /** A position in the tree: the name of an entry and the directory that contains it. */
    record Entry(SysfsDirectory directory, String name) {}
}
