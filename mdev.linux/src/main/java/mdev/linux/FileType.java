package mdev.linux;

import java.util.stream.Stream;

/**
 * The type of the file behind a descriptor: the {@code S_IFMT} bits of its mode ({@code include/uapi/linux/stat.h}).
 */
public enum FileType {
    REGULAR(0100000),
    DIRECTORY(0040000),
    CHARACTER_DEVICE(0020000),
    BLOCK_DEVICE(0060000),
    FIFO(0010000),
    SOCKET(0140000),
    SYMBOLIC_LINK(0120000),
    /** An eventfd, an epoll instance or another anonymous inode. */
    ANONYMOUS(0);

    private static final int S_IFMT = 0170000;

    private final int bits;

    FileType(int bits) {
        this.bits = bits;
    }

    static FileType of(int mode) {
        return Stream.of(values())
                .filter(type -> type.bits == (mode & S_IFMT))
                .findFirst()
                .orElse(ANONYMOUS);
    }
}
