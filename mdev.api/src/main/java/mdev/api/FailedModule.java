package mdev.api;

/**
 * A bundle that failed to load as a module.
 *
 * @param name of the module
 * @param version of the bundle
 * @param bundle its symbolic name, or its file name if it has none
 * @param reason in one line
 */
public record FailedModule(String name, String version, String bundle, String reason) {}
