package mdev.linux;

/**
 * The differences between the architectures: the numbers of the system calls made through {@code syscall(2)} ({@code
 * arch/x86/entry/syscalls/syscall_64.tbl}, {@code include/uapi/asm-generic/unistd.h}), and whether {@code struct
 * epoll_event} is packed ({@code EPOLL_PACKED} in {@code include/uapi/linux/eventpoll.h}).
 */
record Arch(
        long sysRecvmsg,
        long sysSendmsg,
        long sysIoSetup,
        long sysIoDestroy,
        long sysIoSubmit,
        long sysIoGetevents,
        boolean packedEpollEvent) {
    static final Arch X86_64 = new Arch(47, 46, 206, 207, 209, 208, true);
    static final Arch AARCH64 = new Arch(212, 211, 0, 1, 2, 4, false);
    static final Arch CURRENT = switch (System.getProperty("os.arch")) {
        case "amd64" -> X86_64;
        case "aarch64" -> AARCH64;
        case String other ->
            throw new UnsupportedOperationException("mdev.linux runs on x86-64 and aarch64 Linux, not on " + other);
    };
}
