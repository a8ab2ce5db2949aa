package mdev.api.shell;

import java.util.Collection;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/** A command was given a name that does not exist. The shell adds the existing names, or the most similar one. */
public final class UnknownNameException extends ErrnoException {
    private static final long serialVersionUID = 1L;

    private final String asked;
    private final transient List<String> known;
    private final boolean listed;

    private UnknownNameException(Errno errno, String message, String asked, Collection<String> known, boolean listed) {
        super(errno, message);
        this.asked = asked;
        this.known = List.copyOf(known);
        this.listed = listed;
    }

    /**
     * An unknown name of a set that the shell lists if it is small.
     *
     * @param message what does not exist, for example {@code no type 'mtty-3' on mtty}
     * @param asked the name
     * @param known the names that exist
     */
    public static UnknownNameException among(Errno errno, String message, String asked, Collection<String> known) {
        return new UnknownNameException(errno, message, asked, known, true);
    }

    /** As {@link #among}, for a set that is never listed, such as the files of a directory. */
    public static UnknownNameException near(Errno errno, String message, String asked, Collection<String> known) {
        return new UnknownNameException(errno, message, asked, known, false);
    }

    /** The name that does not exist. */
    public String asked() {
        return asked;
    }

    /** The names that exist. */
    public List<String> known() {
        return known;
    }

    /** Whether the names that exist are listed if they are few. */
    public boolean listed() {
        return listed;
    }
}
