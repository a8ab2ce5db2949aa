package mdev.api.shell;

import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A bundle's information about devices that other bundles own: a service, called by the commands that show a device.
 */
@ConsumerType
public interface DeviceDetails {
    /**
     * For {@code mdev:show}: how to use the device.
     *
     * @param name its UUID in lower case
     * @param deviceApi its {@code device_api}, such as {@code vfio-pci}
     * @return fields as in {@link ShellResult.Details}; empty if the bundle does not know the device
     */
    SequencedMap<String, @Nullable Object> usage(String name, String deviceApi);

    /** For {@code vfio:info}: the device's activity so far; name and result as for {@link #usage}. */
    SequencedMap<String, @Nullable Object> statistics(String name);
}
