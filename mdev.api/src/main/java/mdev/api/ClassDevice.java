package mdev.api;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import mdev.api.sysfs.AttributeGroup;

/**
 * A device without hardware or driver, as {@code device_create()} creates it. It appears as {@code
 * /sys/devices/virtual/<className>/<name>} and as a link in {@code /sys/class/<className>}.
 *
 * @param className the device class, also the SUBSYSTEM of its uevents
 * @param name the device's name, unique in its class
 * @param uevent the keys that the device adds to its uevents and its {@code uevent} file, for example MAJOR, MINOR,
 *     DEVNAME, in order
 * @param groups its attributes
 */
public record ClassDevice(
        String className, String name, SequencedMap<String, String> uevent, List<AttributeGroup> groups) {
    public ClassDevice {
        uevent = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(uevent));
        groups = List.copyOf(groups);
    }
}
