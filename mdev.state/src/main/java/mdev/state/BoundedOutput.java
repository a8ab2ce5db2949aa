package mdev.state;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Fails when more bytes are written than allowed. Does not close its target. */
final class BoundedOutput extends FilterOutputStream {
    private long left;

    /** Thrown if the next bytes would exceed the limit. */
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
            left = 0; // the generator's remaining output does not fit either
            throw new Full();
        }
        left -= length;
        out.write(data, offset, length);
    }

    @Override
    public void close() {}
}
