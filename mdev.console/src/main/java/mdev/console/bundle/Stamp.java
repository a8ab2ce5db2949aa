package mdev.console.bundle;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The properties of a file that a write changes. A file with the same stamp in two scans is complete. */
record Stamp(long size, FileTime modified, @Nullable Object key) {
    static final Stamp NO_FILE = new Stamp(-1, FileTime.fromMillis(0), null);

    /**
     * The files of a folder.
     *
     * @param suffix the end of their names, in lower case; the names may be in any case
     * @throws IOException the folder cannot be read
     */
    static Map<Path, Stamp> ofFiles(Path folder, String suffix) throws IOException {
        Map<Path, Stamp> stamps = new TreeMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                String name = String.valueOf(file.getFileName());
                int stem = name.length() - suffix.length();
                if (stem > 0 && name.regionMatches(true, stem, suffix, 0, suffix.length())) {
                    put(stamps, file);
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return stamps;
    }

    private static void put(Map<Path, Stamp> stamps, Path file) throws IOException {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            if (attributes.isRegularFile()) {
                stamps.put(file, new Stamp(attributes.size(), attributes.lastModifiedTime(), attributes.fileKey()));
            }
        } catch (NoSuchFileException e) {
            // It was deleted or renamed meanwhile, or is a dangling link.
        }
    }
}
