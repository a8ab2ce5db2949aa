package mdev.console.control;

import org.jspecify.annotations.Nullable;

/** The types of frames, and the sender of each. Text is UTF-8. */
public enum FrameType {
    /** Client: the directory to resolve relative file names against; text. */
    DIRECTORY(1, true, 0, Frame.MAX_PAYLOAD),
    /** Client: run this line; text. Answered by one STATUS. */
    RUN(2, true, 0, Frame.MAX_PAYLOAD),
    /** Client: input for the running line, in answer to one READ. */
    STDIN(3, true, 1, Frame.MAX_PAYLOAD),
    /** Client: the input has ended, in answer to one READ. */
    EOF(4, true, 0, 0),
    /** Client: Ctrl-C. */
    INTERRUPT(5, true, 0, 0),
    /** Client: complete this beginning of a line; text. Answered by one CANDIDATES. */
    COMPLETE(6, true, 0, Frame.MAX_PAYLOAD),
    /** Client: has a terminal; its columns and rows, 0 for unknown; two int32. */
    RESIZE(7, true, 8, 8),
    /** Server: standard output. */
    OUT(65, false, 0, Frame.MAX_PAYLOAD),
    /** Server: standard error. */
    ERR(66, false, 0, Frame.MAX_PAYLOAD),
    /** Server: a line for each candidate: the word, its description, 1 if the word continues; separated by tabs. */
    CANDIDATES(67, false, 0, Frame.MAX_PAYLOAD),
    /** Server: the line has ended: its status (int32), and 1 if it requested to leave the shell (byte). */
    STATUS(68, false, 5, 5),
    /** Server: raw mode on (1) or off (0). */
    RAW(69, false, 1, 1),
    /** Server: the running line reads its input and requests one chunk. */
    READ(70, false, 0, 0);

    private final byte code;
    private final boolean client;
    private final int least;
    private final int most;

    FrameType(int code, boolean client, int least, int most) {
        this.code = (byte) code;
        this.client = client;
        this.least = least;
        this.most = most;
    }

    /** The type byte. */
    public byte code() {
        return code;
    }

    /** Whether clients send it. */
    boolean fromClient() {
        return client;
    }

    boolean allows(int length) {
        return least <= length && length <= most;
    }

    static @Nullable FrameType of(byte code) {
        for (FrameType type : values()) {
            if (type.code == code) {
                return type;
            }
        }
        return null;
    }
}
