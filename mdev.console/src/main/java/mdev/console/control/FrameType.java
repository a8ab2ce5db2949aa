package mdev.console.control;

import org.jspecify.annotations.Nullable;

/** What a frame is, and who sends it. Text is UTF-8. */
public enum FrameType {
    /** Client: the directory that relative file names start from; text. */
    DIRECTORY(1, true, 0, Frame.MAX_PAYLOAD),
    /** Client: run this line; text. Answered by one STATUS. */
    RUN(2, true, 0, Frame.MAX_PAYLOAD),
    /** Client: input for the line that runs, in answer to one READ. */
    STDIN(3, true, 1, Frame.MAX_PAYLOAD),
    /** Client: the input has ended, in answer to one READ. */
    EOF(4, true, 0, 0),
    /** Client: Ctrl-C. */
    INTERRUPT(5, true, 0, 0),
    /** Client: complete this beginning of a line; text. Answered by one CANDIDATES. */
    COMPLETE(6, true, 0, Frame.MAX_PAYLOAD),
    /** Client: it has a terminal of so many columns and rows, 0 for unknown; two int32. */
    RESIZE(7, true, 8, 8),
    /** Server: standard output. */
    OUT(65, false, 0, Frame.MAX_PAYLOAD),
    /** Server: standard error. */
    ERR(66, false, 0, Frame.MAX_PAYLOAD),
    /** Server: a line for each candidate: the word, its description, 1 if the word goes on; separated by tabs. */
    CANDIDATES(67, false, 0, Frame.MAX_PAYLOAD),
    /** Server: the line has ended: its status (int32), and 1 if it asked to leave the shell (byte). */
    STATUS(68, false, 5, 5),
    /** Server: raw mode on (1) or off (0). */
    RAW(69, false, 1, 1),
    /** Server: the line that runs reads its input: send some. */
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
