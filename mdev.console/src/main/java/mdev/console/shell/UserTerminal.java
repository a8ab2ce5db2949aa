package mdev.console.shell;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Optional;

/** The user's streams and terminal, as seen by a running line. */
public interface UserTerminal {
    /**
     * Standard input. A blocked read ends with an {@link java.io.InterruptedIOException} when its thread is
     * interrupted.
     */
    default InputStream in() {
        return streams().in();
    }

    default OutputStream out() {
        return streams().out();
    }

    default OutputStream err() {
        return streams().err();
    }

    Streams streams();

    /** The width and height; empty without a terminal. */
    default Optional<Size> size() {
        return Optional.empty();
    }

    /** Puts the terminal into raw mode until closed; without a terminal this does nothing. */
    default RawMode rawMode() {
        return RawMode.NONE;
    }

    /** The name of the shell, for the log. */
    default String name() {
        return "the shell";
    }

    /** The directory that relative file names are resolved against. */
    default Path directory() {
        return Path.of("").toAbsolutePath();
    }

    /** The standard streams. */
    record Streams(InputStream in, OutputStream out, OutputStream err) {}

    /** Width and height in characters. */
    record Size(int columns, int rows) {
        /** The size assumed without a terminal. */
        public static final Size DEFAULT = new Size(80, 24);
    }

    /** A terminal in raw mode. */
    @FunctionalInterface
    interface RawMode extends AutoCloseable {
        /** The mode without a terminal, which does nothing. */
        RawMode NONE = new RawMode() {
            @Override
            public boolean present() {
                return false;
            }

            @Override
            public void close() {}
        };

        /** Whether there is a terminal. */
        default boolean present() {
            return true;
        }

        @Override
        void close();
    }
}
