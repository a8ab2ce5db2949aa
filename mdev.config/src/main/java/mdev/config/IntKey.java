package mdev.config;

/**
 * A key of a configuration whose value is an integer.
 *
 * @param name without a dot: {@code ./mdev --set PID.KEY=VALUE} ends the PID at the last dot
 * @param standard the value without a configuration, and instead of an invalid one
 */
public record IntKey(String name, int min, int max, int standard) {}
