package itests.vm;

import static java.nio.charset.StandardCharsets.UTF_8;

import itests.Patience;
import itests.fuse.MountedPlatform;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A root shell in {@code ./mdev with-sys}, on a terminal, with Debian's stock libvirt as the root file system. Its
 * daemon runs. Everything that it writes is on a tmpfs and ends with the shell.
 */
final class LibvirtSession implements AutoCloseable {
    /** Arguments: the unpacked packages, and directories of the host that are visible; the first gets the sockets. */
    private static final String ENTER = """
            set -e
            base=$(mktemp -d "$2/session.XXXXXX")
            mount -t tmpfs mdev-test "$base"
            mkdir "$base"/{upper,work,root}
            mount -t overlay -o "lowerdir=$1,upperdir=$base/upper,workdir=$base/work" mdev-test "$base/root"
            root=$base/root
            for dir in proc dev sys; do mount --rbind "/$dir" "$root/$dir"; done
            for dir in "${@:2}"; do mkdir -p "$root$dir" && mount --bind "$dir" "$root$dir"; done
            # What the packages' installation would have made.
            rm -rf "$root/var/run" && ln -s /run "$root/var/run"
            mount -t tmpfs -o mode=755 mdev-test "$root/run"
            mkdir -p "$2/libvirt" "$root/run/libvirt" && mount --bind "$2/libvirt" "$root/run/libvirt"
            mkdir -p "$root/run/udev" "$root"/etc/mdevctl.d/scripts.d/{callouts,notifiers}
            : > "$root/run/udev/control"
            lines() { printf '%s\\n' "$@"; }
            lines root:x:0:0:root:/root:/bin/bash libvirt-qemu:x:64055:106::/:/bin/false > "$root/etc/passwd"
            lines root:x:0: kvm:x:106: libvirt:x:107: libvirt-qemu:x:64055: > "$root/etc/group"
            # Nothing in this root confines QEMU.
            cat > "$root/etc/libvirt/qemu.conf" <<'X'
            user = "root"
            group = "root"
            security_driver = "none"
            cgroup_controllers = []
            namespaces = []
            remember_owner = 0
            stdio_handler = "file"
            X
            cat > "$root/etc/libvirt/libvirtd.conf" <<'X'
            auth_unix_rw = "none"
            auth_unix_ro = "none"
            unix_sock_group = "root"
            X
            rm -f "$root/usr/bin/pkttyagent" # virsh would start it, and print that it finds no polkit
            export LC_ALL=C HOME=/root SYSTEMD_IGNORE_CHROOT=1
            exec chroot "$root" bash -c '
                cd
                libvirtd > libvirtd.log 2>&1 &
                exec bash --norc --noediting -i'
            """;

    /** What the shell prints after a command; the echo of the typed line differs by its quotes. */
    private static final String END = "]done";

    private final Terminal terminal;
    private final Path root;
    private final Path sockets;

    private LibvirtSession(Terminal terminal, Path root, Path sockets) {
        this.terminal = terminal;
        this.root = root;
        this.sockets = sockets;
    }

    /** @param root the unpacked packages */
    static LibvirtSession start(MountedPlatform mounted, Path root) throws IOException {
        var run = mounted.platform().run();
        var script = run.resolveSibling("enter");
        Files.writeString(script, ENTER);
        var terminal = new Terminal("%s --run %s --mount %s with-sys bash %s %s %s %s"
                .formatted(Home.file("mdev"), run, mounted.directory(), script, root, run, root.getParent()));
        var session = new LibvirtSession(terminal, root, run.resolve("libvirt"));
        try {
            session.await("virsh version", "Running hypervisor");
        } catch (AssertionError e) {
            session.close();
            throw e;
        }
        return session;
    }

    /** Types a command; returns its output, which includes errors, followed by its status in brackets. */
    String run(String command) throws IOException {
        int start = begin(command);
        return end(start);
    }

    /** Types a command that reads from the terminal. */
    int begin(String command) throws IOException {
        int start = terminal.screen().length();
        terminal.type(command + "; echo \"[$?]\"'done'\r");
        return start;
    }

    String end(int start) {
        terminal.await(END, Patience.TIME);
        String screen = terminal.screen().substring(start).replace("\r", "");
        return screen.substring(screen.indexOf("'done'\n") + 7, screen.indexOf(END) + 1);
    }

    /** The output of a command that succeeds. */
    String ok(String command) throws IOException {
        String out = run(command);
        if (!out.endsWith("[0]")) {
            throw new AssertionError(command + ":\n" + out + "\n" + run("tail -n 20 /root/libvirtd.log"));
        }
        return out.substring(0, out.length() - 3).strip();
    }

    /** The output of virsh outside the namespaces, on the daemon's socket. */
    String virshOutside(String... arguments) throws IOException, InterruptedException {
        var libraries = root.resolve("usr/lib/x86_64-linux-gnu");
        var command = new ArrayList<>(List.of(
                libraries.resolve("ld-linux-x86-64.so.2").toString(),
                "--library-path",
                libraries.toString(),
                root.resolve("usr/bin/virsh").toString(),
                "--connect",
                "qemu:///system?socket=" + sockets.resolve("libvirt-sock")));
        command.addAll(List.of(arguments));
        var virsh = new ProcessBuilder(command).redirectErrorStream(true).start();
        virsh.getOutputStream().close();
        var out = new String(virsh.getInputStream().readAllBytes(), UTF_8);
        if (!virsh.waitFor(Patience.TIME) || virsh.exitValue() != 0) {
            throw new AssertionError(command + ":\n" + out);
        }
        return out.strip();
    }

    /** Repeats a command until its output contains a text. */
    void await(String command, String text) {
        Deadline.await(Patience.TIME, command + " prints '" + text + "'", () -> has(command, text));
    }

    /** Repeats a command until its output does not contain a text. */
    void awaitNo(String command, String text) {
        Deadline.await(Patience.TIME, command + " does not print '" + text + "'", () -> !has(command, text));
    }

    private boolean has(String command, String text) {
        try {
            return run(command).contains(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Terminal terminal() {
        return terminal;
    }

    /** Ends the shell; returns its status. */
    int exit() throws IOException, InterruptedException {
        terminal.type("exit 0\r");
        return terminal.end(Patience.TIME);
    }

    @Override
    public void close() {
        terminal.close();
    }
}
