package vfio.user.wire;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/** {@code VFIO_USER_VERSION}: major, minor, and JSON that ends with a NUL. */
public record Version(int major, int minor, Capabilities capabilities, Dialect dialect) {
    public static final int MAJOR = 0;

    /** No minor version has changed the protocol so far; this is libvfio-user's. */
    private static final int MINOR = 2;

    /** The maximum number of descriptors accepted in a message: the maximum that QEMU allows a server. */
    public static final int MAX_MSG_FDS = 16;

    /** The maximum number of mappings: the limit of the type1 IOMMU. */
    public static final int MAX_DMA_MAPS = 65_535;

    private static final int HEAD = 4;
    private static final Command COMMAND = Command.VERSION;

    public static Version of(Message message, List<Fd> fds) throws ErrnoException {
        Checks.noFds(fds, COMMAND);
        Checks.payload(message, COMMAND, HEAD);
        int major = message.u16(0);
        Checks.require(major == MAJOR, COMMAND, "major version " + major + ", ours is " + MAJOR);
        int length = message.payload() - HEAD;
        if (length == 0) {
            return new Version(major, message.u16(2), Capabilities.DEFAULT, Dialect.SPECIFICATION);
        }
        Checks.require(message.u8(HEAD + length - 1) == 0, COMMAND, "the version data do not end with a NUL");
        byte[] json = new byte[length - 1];
        MemorySegment.copy(message.slice(HEAD, json.length), 0, MemorySegment.ofArray(json), 0, json.length);
        Capabilities proposed = Capabilities.parse(new String(json, StandardCharsets.UTF_8));
        return new Version(major, message.u16(2), proposed, Dialect.of(message.u16(2), proposed));
    }

    /** The capabilities common to both sides, in answer to a client's proposal. */
    public Version agree() {
        return new Version(
                MAJOR,
                Math.min(minor, MINOR),
                new Capabilities(
                        MAX_MSG_FDS,
                        Math.min(capabilities.maxDataXferSize(), Message.MAX_DATA),
                        Math.min(capabilities.maxDmaMaps(), MAX_DMA_MAPS),
                        capabilities.twinSocket() && capabilities.maxMsgFds() > 0,
                        capabilities.writeMultiple(),
                        0),
                dialect);
    }

    /** Writes the payload. @return the payload's length */
    public int write(Message message) {
        byte[] json = capabilities.json().getBytes(StandardCharsets.UTF_8);
        message.u16(0, major).u16(2, minor);
        MemorySegment.copy(MemorySegment.ofArray(json), 0, message.slice(HEAD, json.length), 0, json.length);
        message.slice(HEAD + json.length, 1).fill((byte) 0);
        return HEAD + json.length + 1;
    }
}
