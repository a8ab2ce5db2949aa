package vendor.ccwsim.device;

/** The last bytes that a console has printed. Not thread-safe. */
final class ConsoleTranscript {
    static final int MOST = 64 << 10;

    private final byte[] ring = new byte[MOST];

    /** The number of bytes printed so far. */
    private long printed;

    void print(byte[] data, int offset, int length) {
        for (int i = 0; i < length; i++) {
            ring[(int) (printed++ % MOST)] = data[offset + i];
        }
    }

    byte[] bytes() {
        int kept = (int) Math.min(printed, MOST);
        byte[] bytes = new byte[kept];
        for (int i = 0; i < kept; i++) {
            bytes[i] = ring[(int) ((printed - kept + i) % MOST)];
        }
        return bytes;
    }

    /** Replaces the contents. */
    void set(byte[] bytes) {
        printed = 0;
        print(bytes, 0, bytes.length);
    }
}
