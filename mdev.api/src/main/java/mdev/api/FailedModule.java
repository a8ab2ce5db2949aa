package mdev.api;

/**
 * A bundle that should be loaded as a module and is not.
 *
 * @param name of the module
 * @param version of the bundle
 * @param bundle its symbolic name, or the name of its file where that has none
 * @param reason in one line
 */
public record FailedModule(String name, String version, String bundle, String reason) {}
