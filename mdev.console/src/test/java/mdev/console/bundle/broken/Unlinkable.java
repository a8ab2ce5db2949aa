package mdev.console.bundle.broken;

/** A component for test bundles that lack {@link Missing}: it loads, but its methods cannot be listed. */
public final class Unlinkable {
    /** Is in no bundle. */
    public static final class Missing {}

    /** @param missing its class does not exist in the bundle */
    public void use(Missing missing) {
        // is never called
    }
}
