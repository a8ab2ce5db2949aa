package mdev.api.shell;

import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ConsumerType;

/** What a bundle knows of devices that are not its own: a service, asked by the commands that show a device. */
@ConsumerType
public interface DeviceDetails {
    /**
     * For {@code mdev:show}: how to use the device.
     *
     * @param name its UUID in lower case
     * @return fields as in {@link ShellResult.Details}; none if it knows nothing of the device
     */
    SequencedMap<String, @Nullable Object> usage(String name);

    /** For {@code vfio:info}: what has happened on the device; as {@link #usage}. */
    SequencedMap<String, @Nullable Object> statistics(String name);
}
