package mdev.linux;

/**
 * The differences between the architectures: the numbers of the system calls made through {@code syscall(2)} ({@code
 * arch/x86/entry/syscalls/syscall_64.tbl}, {@code include/uapi/asm-generic/unistd.h}), and whether {@code struct
 * epoll_event} is packed ({@code EPOLL_PACKED} in {@code include/uapi/linux/eventpoll.h}).
 */
enum Arch {
    X86_64(47, 46, 206, 207, 209, 208, true),
    AARCH64(212, 211, 0, 1, 2, 4, false);

    static final Arch CURRENT = switch (System.getProperty("os.arch")) {
        case "amd64" -> X86_64;
        case "aarch64" -> AARCH64;
        case String other ->
            throw new UnsupportedOperationException("mdev.linux runs on x86-64 and aarch64 Linux, not on " + other);
    };

    final long sysRecvmsg;
    final long sysSendmsg;
    final long sysIoSetup;
    final long sysIoDestroy;
    final long sysIoSubmit;
    final long sysIoGetevents;
    final boolean packedEpollEvent;

    Arch(
            long sysRecvmsg,
            long sysSendmsg,
            long sysIoSetup,
            long sysIoDestroy,
            long sysIoSubmit,
            long sysIoGetevents,
            boolean packedEpollEvent) {
        this.sysRecvmsg = sysRecvmsg;
        this.sysSendmsg = sysSendmsg;
        this.sysIoSetup = sysIoSetup;
        this.sysIoDestroy = sysIoDestroy;
        this.sysIoSubmit = sysIoSubmit;
        this.sysIoGetevents = sysIoGetevents;
        this.packedEpollEvent = packedEpollEvent;
    }
}
