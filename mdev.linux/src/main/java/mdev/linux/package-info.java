/**
 * The few Linux system calls that the platform needs, through {@code java.lang.foreign}: files and their seals,
 * mappings, eventfds, UNIX sockets that pass descriptors, epoll and mounts. For x86-64 and aarch64.
 *
 * <p>What holds for all of it:
 * <ul>
 *   <li>each class owns the descriptor it wraps and closes it exactly once; passing an {@link mdev.linux.Fd} to a class that
 *       takes it over is written {@code fd.move()} inside, so a later {@code close} by the giver does nothing;
 *   <li>whatever a kernel call refuses is a {@link mdev.linux.LinuxException} with the call's name and errno; EINTR is never
 *       seen, the call is made again;
 *   <li>blocking calls block the platform thread: call none of them from a virtual thread, its carrier would be pinned;
 *   <li>no call is made as {@code Linker.Option.critical}: one that blocks would stop the garbage collector, and with it the
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
