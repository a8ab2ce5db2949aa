package mdev.state;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Fails when more bytes are written than allowed. Does not close its target. */
final class BoundedOutput extends FilterOutputStream {
    private long left;

    /** The next bytes would be too many. */
    static final class Full extends IOException {
        private static final long serialVersionUID = 1;
    }

    BoundedOutput(OutputStream out, long most) {
        super(out);
        this.left = most;
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] data, int offset, int length) throws IOException {
        if (length > left) {
            left = 0; // what the generator still has does not fit either
            throw new Full();
        }
        left -= length;
        out.write(data, offset, length);
    }

    @Override
    public void close() {}
}
