package mdev.api.sysfs;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ProviderType;

/** A directory of the management tree: a kobject or an attribute group. */
@ProviderType
public non-sealed interface SysfsDirectory extends SysfsNode {
    /** The entry with the given name, or {@code null}. Takes constant or logarithmic time in the number of entries. */
    @Nullable
    SysfsNode child(String name);

    /**
     * The entries in the order of their names. An entry that exists during the whole call is returned exactly once.
     *
     * @param after returns only entries with a name after this one ({@link String#compareTo}); empty for all
     * @param limit the maximum number of entries to return, at least 1
     */
    List<SysfsNode> children(String after, int limit);

    /** All entries in the order of their names. */
    default List<SysfsNode> children() {
        return children("", Integer.MAX_VALUE);
    }
}
