package mdev.console.shell;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;

/** The user's streams and terminal, as seen by a running line. */
public interface UserTerminal {
    /**
     * Standard input. A blocked read ends with an {@link java.io.InterruptedIOException} when its thread is
     * interrupted.
     */
    InputStream in();

    OutputStream out();

    OutputStream err();

    /** The width and height of the terminal; see {@link Size#DEFAULT}. */
    Size size();

    /** Puts the terminal into raw mode until closed; without a terminal this does nothing. */
    RawMode rawMode();

    /** The name of the shell, for the log. */
    default String name() {
        return "the shell";
    }

    /** The directory that relative file names are resolved against. */
    Path directory();

    /** Width and height in characters. */
    record Size(int columns, int rows) {
        /** The size assumed without a terminal. */
        public static final Size DEFAULT = new Size(80, 24);
    }

    /** A terminal in raw mode. */
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
        boolean present();

        @Override
        void close();
    }
}
