package mdev.config;

/**
 * A configuration key with an integer value.
 *
 * @param name the name, without a dot: {@code ./mdev --set PID.KEY=VALUE} splits the PID from the key at the last dot
 * @param standard the default, for a missing or invalid value
 */
public record IntKey(String name, int min, int max, int standard) implements ConfigKey {}
