package mdev.console.bundle;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.wiring.FrameworkWiring;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The bundles of the framework, by the words of the user. */
record Bundles(BundleContext context) {
    private static final Logger LOG = LoggerFactory.getLogger(Bundles.class);

    /** A bundle by its id or its symbolic name (the highest version of it). */
    Optional<Bundle> find(String word) {
        if (word.matches("\\d{1,18}")) {
            return Optional.ofNullable(context.getBundle(Long.parseLong(word)));
        }
        return Arrays.stream(context.getBundles())
                .filter(bundle -> word.equals(bundle.getSymbolicName()))
                .max(Comparator.comparing(Bundle::getVersion));
    }

    Bundle get(String word) throws ErrnoException {
        return find(word)
                .orElseThrow(() -> new ErrnoException(
                        Errno.ENOENT, "no bundle '" + word + "': its id or symbolic name, as 'lb -s' lists them"));
    }

    /** Those that would be restarted if this one were refreshed. */
    List<Bundle> importersOf(Bundle bundle) {
        return wiring().getDependencyClosure(List.of(bundle)).stream()
                .filter(other -> !other.equals(bundle))
                .sorted(Comparator.comparingLong(Bundle::getBundleId))
                .toList();
    }

    FrameworkWiring wiring() {
        return context.getBundle(0).adapt(FrameworkWiring.class);
    }

    /** Ids for who began to type a number, else symbolic names. */
    Stream<String> words(String prefix) {
        Stream<Bundle> bundles = Arrays.stream(context.getBundles());
        return !prefix.isEmpty() && Character.isDigit(prefix.charAt(0))
                ? bundles.map(bundle -> Long.toString(bundle.getBundleId()))
                : bundles.map(Bundle::getSymbolicName)
                        .flatMap(name -> Stream.ofNullable(name))
                        .sorted();
    }

    /** A URL; that of a relative file is made absolute, for the platform may run in another directory than its user. */
    static String location(String word, Path directory) throws ErrnoException {
        try {
            URI uri = new URI(word);
            if (uri.getScheme() == null) {
                throw new ErrnoException(
                        Errno.EINVAL, "'" + word + "' is neither a bundle nor a URL such as file:/path/to/bundle.jar");
            }
            boolean relative = uri.getScheme().equals("file") && uri.isOpaque();
            return relative
                    ? directory.resolve(uri.getSchemeSpecificPart()).toUri().toString()
                    : word;
        } catch (URISyntaxException e) {
            throw new ErrnoException(Errno.EINVAL, "'" + word + "' is no URL: " + e.getReason());
        }
    }

    /** The framework's reason in one line that begins with what it is about. */
    static ErrnoException refusal(String subject, BundleException e) {
        LOG.info("{} refused", subject, e);
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        @Nullable String message = cause.getMessage();
        Errno errno = switch (cause) {
            case FileNotFoundException _ -> Errno.ENOENT;
            case IOException _ -> Errno.EIO;
            default -> e.getType() == BundleException.RESOLVE_ERROR ? Errno.ENODEV : Errno.EINVAL;
        };
        String reason = errno == Errno.ENOENT ? "no such file" : message == null ? cause.toString() : message;
        return new ErrnoException(errno, subject + ": " + reason.replaceFirst(" Unresolved requirements: .*", ""));
    }
}
