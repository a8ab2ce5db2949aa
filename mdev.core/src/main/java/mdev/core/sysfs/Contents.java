package mdev.core.sysfs;

import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.SysfsNode;
import org.jspecify.annotations.Nullable;

/**
 * Creates the entries that a {@link Directory} only describes. Their inode numbers derive from the directory's number
 * and from their position in the description, so every lookup of an entry finds the same incarnation.
 */
public final class Contents {
    /**
     * The inode numbers that a directory of the tree reserves: {@value #PLACES} entries, each with the same number of
     * entries of its own.
     */
    static final long BLOCK = 1L << 24;

    /** The maximum number of entries in a description. */
    public static final int PLACES = 1 << 12;

    private final Directory directory;
    private final long step;
    private final @Nullable String wanted;
    private final NavigableMap<String, SysfsNode> made = new TreeMap<>();
    private long ino;

    private Contents(Directory directory, @Nullable String wanted) {
        this.directory = directory;
        this.step = directory instanceof Described ? 1 : PLACES;
        this.wanted = wanted;
        this.ino = directory.ino();
    }

    static @Nullable SysfsNode one(Directory directory, String name) {
        Contents contents = new Contents(directory, name);
        directory.contents(contents);
        return contents.made.get(name);
    }

    static NavigableMap<String, SysfsNode> all(Directory directory) {
        Contents contents = new Contents(directory, null);
        directory.contents(contents);
        return contents.made;
    }

    /** An attribute file. */
    public void file(Attribute attribute) {
        make(attribute.name(), place -> new AttributeFile(directory, place, attribute));
    }

    /** A read-only file of bytes. */
    public void binary(String name, Supplier<byte[]> content) {
        make(name, place -> new BinaryFile(directory, place, name, content));
    }

    /** A write-only file of the core. */
    public void file(String name, RequestedStore store) {
        make(name, place -> new AttributeFile(directory, place, name, store));
    }

    /** Adds a link to a directory. */
    public void link(String name, Directory target) {
        make(name, place -> new Link(directory, name, target, place));
    }

    /** Adds a directory with its own contents. */
    public void directory(String name, Consumer<Contents> contents) {
        make(name, place -> new Described(directory, name, place, contents));
    }

    /** An attribute file of a vendor; the guard is asked only if the file is created. */
    void file(Attribute attribute, UnaryOperator<Attribute> guard) {
        make(attribute.name(), place -> new AttributeFile(directory, place, guard.apply(attribute)));
    }

    /** Skips the places of entries that the directory does not currently have. */
    public void skip(int places) {
        ino += places * step;
    }

    private void make(String name, LongFunction<SysfsNode> node) {
        ino += step;
        if (wanted == null || wanted.equals(name)) {
            made.put(name, node.apply(ino));
        }
    }

    /** A directory that is itself part of a description. */
    private static final class Described extends Directory {
        private final Consumer<Contents> description;

        Described(Directory holder, String name, long ino, Consumer<Contents> description) {
            super(holder, name, ino);
            this.description = description;
        }

        @Override
        protected void contents(Contents contents) {
            description.accept(contents);
        }
    }
}
