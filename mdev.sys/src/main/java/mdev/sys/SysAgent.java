package mdev.sys;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mount;
import mdev.linux.NetlinkSocket;

/**
 * A process in the namespaces of a command, started by {@code cnf/sys/inside}: it merges the platform's tree into
 * {@code /sys}, says so on its standard output, and then sends the platform's uevents to the command until the platform
 * ends. The init of the PID namespace ends with the command, and the kernel then kills this process.
 */
final class SysAgent {
    private static final Path SYS = Path.of("/sys");
    private static final Path UDEV = Path.of("/run/udev");

    private SysAgent() {}

    /** @param arguments the run directory, the mount point of its tree, and {@code own} or {@code host}: the network */
    public static void main(String[] arguments) {
        Path run = Path.of(arguments[0]);
        try {
            // Not closed: the sources of all bind mounts, which the new file systems on /sys and /proc do not cover.
            Fd host = Fd.open(SYS, Fd.O_PATH);
            Fd ours = Fd.open(Path.of(arguments[1]), Fd.O_PATH);
            mount("proc", Path.of("/proc"), "");
            if (arguments[2].equals("own")) {
                Loopback.up();
                host = withOwnNetwork(host);
            }
            // Before the tree is read: a change that the first reading misses has its event.
            var uevents = new UeventRelay(
                    Channels.newInputStream(SocketChannel.open(UnixDomainSocketAddress.of(run.resolve("uevents")))));
            mount("tmpfs", SYS, "mode=755");
            Mount.share(SYS); // a program may bind it elsewhere, for example below the root of a chroot
            var sys = new MergedDirectory(SYS, opened(host), opened(ours));
            sys.update();
            enableUdevMonitors();
            NetlinkSocket listeners = NetlinkSocket.open(NetlinkSocket.NETLINK_KOBJECT_UEVENT, 0);
            System.out.println("ready");
            uevents.forward(sys, listeners);
        } catch (LinuxException | IOException e) {
            say("/sys cannot be prepared: " + e.getMessage());
            System.exit(1);
        }
    }

    /** One line on the terminal of the user. */
    static void say(String line) {
        System.err.println("mdev: " + line);
    }

    /**
     * A sysfs shows the network interfaces of the namespace that mounted it: a new one shows ours. The file systems
     * below the host's, such as that of the control groups, are shown there, too.
     */
    private static Fd withOwnNetwork(Fd host) throws LinuxException, IOException {
        List<Path> below = Files.readAllLines(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1).stream()
                .map(line -> Path.of(line.split(" ")[4]))
                .filter(point -> point.startsWith(SYS) && !point.equals(SYS))
                .toList();
        try {
            mount("sysfs", SYS, "");
        } catch (LinuxException e) {
            return host; // not permitted in the user namespace of a container
        }
        for (Path point : below) {
            // The mount points of another with-sys around this one are not in a sysfs.
            if (Files.exists(point)
                    && below.stream().noneMatch(other -> !other.equals(point) && point.startsWith(other))) {
                Mount.bind(opened(host).resolve(SYS.relativize(point)), point);
            }
        }
        return Fd.open(SYS, Fd.O_PATH);
    }

    private static void mount(String type, Path target, String options) throws LinuxException {
        Mount.mount(type, target, type, Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC, options);
    }

    private static Path opened(Fd directory) {
        return Path.of("/proc/self/fd", Integer.toString(directory.number()));
    }

    /**
     * libudev listens only if udevd seems to run: if its control socket exists or {@code /dev} is a devtmpfs (systemd,
     * {@code device_monitor_new_full()}). In namespaces without udevd, any file in its place will do.
     */
    private static void enableUdevMonitors() throws LinuxException, IOException {
        Path control = UDEV.resolve("control");
        if (Files.exists(control) || Files.getFileStore(Path.of("/dev")).type().equals("devtmpfs")) {
            return;
        }
        if (Files.isDirectory(UDEV)) {
            mount("tmpfs", UDEV, "mode=755");
            Files.createFile(control);
        } else {
            say("programs in here receive no uevents, because " + UDEV + " does not exist: create it");
        }
    }
}
