package mdev.state;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Fails when more bytes are read than allowed. Does not close its source. */
final class BoundedInput extends FilterInputStream {
    private long left;

    /** Thrown if the source has more bytes. */
    static final class Exceeded extends IOException {
        private static final long serialVersionUID = 1;
    }

    BoundedInput(InputStream in, long most) {
        super(in);
        this.left = most;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] data, int offset, int length) throws IOException {
        // One byte more than allowed, to distinguish the end of the source from the limit.
        int read = in.read(data, offset, (int) Math.min(length, left + 1));
        if (read > left) {
            throw new Exceeded();
        }
        left -= Math.max(0, read);
        return read;
    }

    @Override
    public void close() {}
}
