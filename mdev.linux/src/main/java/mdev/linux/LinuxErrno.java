package mdev.linux;

/**
 * The error numbers returned by these calls, with libc's messages ({@code include/uapi/asm-generic/errno-base.h},
 * {@code errno.h}; x86-64 and aarch64 have the same). A table instead of {@code strerror(3)}, because its messages
 * depend on the locale.
 */
final class LinuxErrno {
    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int EINTR = 4;
    static final int EIO = 5;
    static final int ENXIO = 6;
    static final int EBADF = 9;
    static final int EAGAIN = 11;
    static final int EINVAL = 22;
    static final int ENFILE = 23;
    static final int EMFILE = 24;
    static final int EPIPE = 32;
    static final int ENAMETOOLONG = 36;
    static final int ETIMEDOUT = 110;

    private LinuxErrno() {}

    static String describe(int errno) {
        return switch (errno) {
            case EPERM -> "Operation not permitted (EPERM)";
            case ENOENT -> "No such file or directory (ENOENT)";
            case EINTR -> "Interrupted system call (EINTR)";
            case EIO -> "Input/output error (EIO)";
            case ENXIO -> "No such device or address (ENXIO)";
            case EBADF -> "Bad file descriptor (EBADF)";
            case EAGAIN -> "Resource temporarily unavailable (EAGAIN)";
            case 12 -> "Cannot allocate memory (ENOMEM)";
            case 13 -> "Permission denied (EACCES)";
            case 14 -> "Bad address (EFAULT)";
            case 16 -> "Device or resource busy (EBUSY)";
            case 17 -> "File exists (EEXIST)";
            case 19 -> "No such device (ENODEV)";
            case 20 -> "Not a directory (ENOTDIR)";
            case 21 -> "Is a directory (EISDIR)";
            case EINVAL -> "Invalid argument (EINVAL)";
            case ENFILE -> "Too many open files in system (ENFILE)";
            case EMFILE -> "Too many open files (EMFILE)";
            case 27 -> "File too large (EFBIG)";
            case 28 -> "No space left on device (ENOSPC)";
            case 29 -> "Illegal seek (ESPIPE)";
            case 30 -> "Read-only file system (EROFS)";
            case EPIPE -> "Broken pipe (EPIPE)";
            case ENAMETOOLONG -> "File name too long (ENAMETOOLONG)";
            case 38 -> "Function not implemented (ENOSYS)";
            case 71 -> "Protocol error (EPROTO)";
            case 75 -> "Value too large for defined data type (EOVERFLOW)";
            case 88 -> "Socket operation on non-socket (ENOTSOCK)";
            case 95 -> "Operation not supported (EOPNOTSUPP)";
            case 98 -> "Address already in use (EADDRINUSE)";
            case 104 -> "Connection reset by peer (ECONNRESET)";
            case 107 -> "Transport endpoint is not connected (ENOTCONN)";
            case 109 -> "Too many references: cannot splice (ETOOMANYREFS)";
            case ETIMEDOUT -> "Connection timed out (ETIMEDOUT)";
            case 111 -> "Connection refused (ECONNREFUSED)";
            default -> "errno " + errno;
        };
    }
}
