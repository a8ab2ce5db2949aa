package mdev.console.bundle;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.osgi.framework.Bundle;
import org.osgi.framework.wiring.BundleRevision;

/**
 * The versions of devices' states that a driver declares to read, in its manifest:
 *
 * <pre>{@code Provide-Capability: mdev.device.state;reads:List<Long>="1,2"}</pre>
 */
final class StateVersions {
    private static final String NAMESPACE = "mdev.device.state";

    private StateVersions() {}

    /**
     * @param source the user's word for the bundle, for messages
     * @return empty if the bundle declares none
     * @throws ErrnoException EINVAL: the declaration is not of this form
     */
    static Set<Long> readBy(String source, Bundle bundle) throws ErrnoException {
        Set<Long> versions = new HashSet<>();
        for (var declared : bundle.adapt(BundleRevision.class).getDeclaredCapabilities(NAMESPACE)) {
            if (!(declared.getAttributes().get("reads") instanceof List<?> list) || list.isEmpty()) {
                throw malformed(source);
            }
            for (Object version : list) {
                if (!(version instanceof Long number)) {
                    throw malformed(source);
                }
                versions.add(number);
            }
        }
        return versions;
    }

    private static ErrnoException malformed(String source) {
        return new ErrnoException(Errno.EINVAL, source + ": its capability " + NAMESPACE + " has no reads:List<Long>");
    }
}
