package mdev.console.bundle;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Completes {@code file:} URLs: directories, and the jars in them. */
final class FileUrls {
    private static final String SCHEME = "file:";

    private FileUrls() {}

    static List<String> candidates(String prefix) {
        if (!prefix.startsWith(SCHEME)) {
            return List.of(SCHEME);
        }
        String typed = prefix.substring(SCHEME.length());
        String parent = typed.substring(0, typed.lastIndexOf('/') + 1);
        List<String> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of(parent.isEmpty() ? "." : parent))) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                boolean hidden = name.startsWith(".") && !typed.startsWith(parent + ".");
                if (!hidden && Files.isDirectory(entry)) {
                    found.add(SCHEME + parent + name + "/");
                } else if (!hidden && name.endsWith(".jar")) {
                    found.add(SCHEME + parent + name);
                }
            }
        } catch (IOException | InvalidPathException e) {
            return List.of();
        }
        found.sort(null);
        return found;
    }
}
