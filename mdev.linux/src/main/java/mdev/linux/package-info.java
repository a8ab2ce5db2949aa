/**
 * The Linux system calls used by the platform, through {@code java.lang.foreign}: files and their seals, mappings,
 * eventfds, UNIX sockets that pass descriptors, netlink, epoll and mounts. For x86-64 and aarch64.
 *
 * <p>Common rules:
 * <ul>
 *   <li>each class owns the descriptor it wraps and closes it exactly once; a class that takes ownership of an {@link
 *       mdev.linux.Fd} calls {@code fd.move()}, so a later {@code close} by the previous owner does nothing;
 *   <li>a failed system call throws {@link mdev.linux.LinuxException} with its name and errno; after EINTR the call is
 *       repeated, so callers never see it;
 *   <li>blocking calls block the platform thread: do not call them from a virtual thread, which would pin its carrier;
 *   <li>no call uses {@code Linker.Option.critical}: a blocking one would stop the garbage collector, and with it the
 *       whole virtual machine.
 * </ul>
 */
@Export
@NullMarked
@Version("0.1.0")
package mdev.linux;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
