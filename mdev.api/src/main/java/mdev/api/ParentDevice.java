package mdev.api;

/**
 * A physical or simulated device that provides mediated devices: the {@code struct device} passed to {@code
 * mdev_register_device()}. It appears as {@code /sys/devices/virtual/<className>/<name>} and as {@code
 * /sys/class/<className>/<name>}.
 *
 * @param className the device class, which is also the prefix of the type ids ({@code dev_driver_string()} of a device
 *     without driver and bus)
 * @param name the device's name, unique in its class and among all parents
 */
public record ParentDevice(String className, String name) {}
