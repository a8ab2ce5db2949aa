package mdev.api.sysfs;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ProviderType;

/** A directory of the management tree: a kobject or an attribute group. */
@ProviderType
public non-sealed interface SysfsDirectory extends SysfsNode {
    /** The entry of that name, or {@code null}. Constant or logarithmic in the number of entries. */
    @Nullable
    SysfsNode child(String name);

    /**
     * The entries in the order of their names, each entry that is there all the while exactly once.
     *
     * @param after only entries whose name comes after this one ({@link String#compareTo}); empty for all
     * @param limit at most so many, at least 1
     */
    List<SysfsNode> children(String after, int limit);

    /** All entries in the order of their names. */
    default List<SysfsNode> children() {
        return children("", Integer.MAX_VALUE);
    }
}
