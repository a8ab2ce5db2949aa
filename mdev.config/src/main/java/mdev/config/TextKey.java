package mdev.config;

import java.util.regex.Pattern;

/**
 * A configuration key whose value is a text.
 *
 * @param name as in {@link IntKey}
 * @param valid what a value looks like
 * @param described the same in words, after "is not"
 * @param standard the default, for a missing or invalid value
 */
public record TextKey(String name, Pattern valid, String described, String standard) implements ConfigKey {}
