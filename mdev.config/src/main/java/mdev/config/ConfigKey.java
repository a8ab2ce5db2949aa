package mdev.config;

/** A key that a component reads. */
public sealed interface ConfigKey permits IntKey, TextKey {
    String name();
}
