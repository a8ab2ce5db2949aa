package mdev.sys;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** An entry of a merged directory. Equal entries show the same object. */
sealed interface Entry {
    /**
     * A directory that is shown as a whole.
     *
     * @param source the directory
     * @param key its device and inode number, which differ if it was removed and made again
     */
    record Directory(Path source, @Nullable Object key) implements Entry {}

    /** A file. */
    record File(Path source) implements Entry {}

    /** A copied symbolic link. */
    record Link(Path target) implements Entry {}

    /** A directory that both sides have. */
    record Merged() implements Entry {}

    /** The entries of a directory. */
    static Map<String, Entry> of(Path directory) throws IOException {
        Map<String, Entry> entries = new TreeMap<>();
        try (DirectoryStream<Path> children = Files.newDirectoryStream(directory)) {
            for (Path child : children) {
                try {
                    entries.put(child.getFileName().toString(), read(child));
                } catch (NoSuchFileException e) {
                    // Removed meanwhile.
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return entries;
    }

    private static Entry read(Path path) throws IOException {
        BasicFileAttributes status = Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (status.isSymbolicLink()) {
            return new Link(Files.readSymbolicLink(path));
        }
        return status.isDirectory() ? new Directory(path, status.fileKey()) : new File(path);
    }
}
