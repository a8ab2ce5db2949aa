package mdev.config;

import java.util.regex.Pattern;

/**
 * A configuration key with a text value.
 *
 * @param name as in {@link IntKey}
 * @param valid matches valid values
 * @param described describes valid values, after "is not"
 * @param standard the default, for a missing or invalid value
 */
public record TextKey(String name, Pattern valid, String described, String standard) implements ConfigKey {}
