package mdev.api.sysfs;

import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A file of the management tree ({@code struct attribute} with its show and store functions).
 *
 * <p>Any number of threads may call both functions concurrently. No lock is held during the calls: a function that
 * blocks delays only its own caller.
 *
 * @param name the file's name
 * @param mode the permission bits, for example {@code 0444}; they apply to root too, as in sysfs
 * @param show produces the content, at most 4096 bytes; {@code null} for a file that cannot be read
 * @param store receives the bytes of one write(2); {@code null} for a file that cannot be written
 */
public record Attribute(
        String name,
        int mode,
        @Nullable Show show,
        @Nullable Store store) {

    /** {@code show()} of an attribute. */
    @ConsumerType
    @FunctionalInterface
    public interface Show {
        /**
         * @return the whole content; by convention one value and a newline
         * @throws ErrnoException the errno that the read returns
         */
        String show() throws ErrnoException;
    }

    /** {@code store()} of an attribute. */
    @ConsumerType
    @FunctionalInterface
    public interface Store {
        /**
         * @param value the bytes of one write, one {@code char} per byte (ISO 8859-1), never empty, at most 4096; a
         *     final newline is not removed
         * @throws ErrnoException the errno that the write returns; nothing has changed then
         */
        void store(String value) throws ErrnoException;
    }

    /** A read-only attribute ({@code DEVICE_ATTR_RO}, 0444). */
    public static Attribute readOnly(String name, Show show) {
        return new Attribute(name, 0444, show, null);
    }

    /** A write-only attribute ({@code DEVICE_ATTR_WO}, 0200). */
    public static Attribute writeOnly(String name, Store store) {
        return new Attribute(name, 0200, null, store);
    }

    /** A readable and writable attribute ({@code DEVICE_ATTR_RW}, 0644). */
    public static Attribute readWrite(String name, Show show, Store store) {
        return new Attribute(name, 0644, show, store);
    }
}
