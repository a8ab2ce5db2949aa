package mdev.api.sysfs;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** Hears of changes that who has looked already would not notice. Any thread may call it. */
@ConsumerType
@FunctionalInterface
public interface SysfsListener {
    /** The content of an attribute has changed ({@code sysfs_notify()}). Called by whoever changed it, with no lock held: hand over what takes time. */
    void notified(SysfsFile file);

    /**
     * Entries are gone, each with all below it ({@code kernfs_remove()}); another of that name may be there already. Called by whoever took them out, with no lock held, and before that
     * caller goes on: so a view that remembers entries can have forgotten them by the time that a removal is answered. It may take the time that this takes, and no more.
     */
    default void removed(List<Entry> entries) {}

    /** A place in the tree: the name of an entry and the directory that holds it. */
    record Entry(SysfsDirectory directory, String name) {}
}
