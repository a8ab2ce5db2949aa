package mdev.core.shell;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.shell.UnknownNameException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.api.sysfs.SysfsNode;
import org.jspecify.annotations.Nullable;

/** {@code sysfs:ls}, {@code cat}, {@code write}, {@code tree}: the management tree by path. */
final class SysfsCommands {
    private final Sysfs sysfs;

    SysfsCommands(Sysfs sysfs) {
        this.sysfs = sysfs;
    }

    List<ShellCommand> commands() {
        Candidates paths = this::complete;
        return List.of(
                ShellCommand.of("sysfs", "ls", "lists a directory", this::ls, Parameter.optional("path", paths))
                        .withFlag("-l", "with modes and link targets"),
                ShellCommand.of("sysfs", "cat", "prints files", this::cat, Parameter.many("path", paths)),
                ShellCommand.of(
                        "sysfs",
                        "write",
                        "writes a value to a file, without a newline",
                        this::write,
                        Parameter.one("path", paths),
                        Parameter.one("value", Candidates.NONE)),
                ShellCommand.of(
                        "sysfs",
                        "tree",
                        "prints a directory and all below it",
                        this::tree,
                        Parameter.optional("path", paths)));
    }

    private ShellResult ls(ShellInvocation invocation) throws ErrnoException {
        boolean full = invocation.flag("-l");
        // As ls(1): -l shows a link itself; without it, ls shows the link's target.
        SysfsNode at = find(path(invocation), !full);
        List<SysfsNode> nodes = at instanceof SysfsDirectory directory ? directory.children() : List.of(at);
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (SysfsNode node : nodes) {
            rows.add(full ? Arrays.asList(mode(node), size(node), node.name(), target(node)) : List.of(node.name()));
        }
        return new ShellResult.Listing(full ? List.of("mode", "size", "name", "target") : List.of("name"), rows);
    }

    private ShellResult cat(ShellInvocation invocation) throws ErrnoException {
        StringBuilder text = new StringBuilder();
        for (String path : invocation.arguments()) {
            text.append(new String(file(path).read(), StandardCharsets.UTF_8));
        }
        return new ShellResult.Text(text.toString());
    }

    private ShellResult write(ShellInvocation invocation) throws ErrnoException {
        SysfsFile file = file(invocation.arguments().get(0));
        byte[] value = invocation.arguments().get(1).getBytes(StandardCharsets.UTF_8);
        checkNotEmpty(invocation.arguments().get(1));
        int taken = file.write(value, invocation::requester);
        while (taken < value.length) { // as callers of write(2) do after a short write
            taken += file.write(Arrays.copyOfRange(value, taken, value.length), invocation::requester);
        }
        return ShellResult.DONE;
    }

    /** An empty write does not reach the attribute: it would succeed without effect. */
    static void checkNotEmpty(String value) throws ErrnoException {
        if (value.isEmpty()) {
            throw new ErrnoException(Errno.EINVAL, "the value is empty: nothing would be written");
        }
    }

    private ShellResult tree(ShellInvocation invocation) throws ErrnoException {
        SysfsNode root = find(path(invocation), true);
        StringBuilder lines = new StringBuilder(root.path()).append('\n');
        if (root instanceof SysfsDirectory directory) {
            draw(directory, "", lines);
        }
        return new ShellResult.Text(lines.toString());
    }

    private static void draw(SysfsDirectory directory, String indent, StringBuilder lines) {
        List<SysfsNode> nodes = directory.children();
        for (SysfsNode node : nodes) {
            boolean last = node.equals(nodes.getLast());
            lines.append(indent).append(last ? "└── " : "├── ").append(node.name());
            if (node instanceof SysfsLink link) {
                lines.append(" -> ").append(link.target());
            }
            lines.append('\n');
            if (node instanceof SysfsDirectory below) {
                draw(below, indent + (last ? "    " : "│   "), lines);
            }
        }
    }

    private static String path(ShellInvocation invocation) {
        return invocation.arguments().isEmpty()
                ? "/sys"
                : invocation.arguments().getFirst();
    }

    private SysfsFile file(String path) throws ErrnoException {
        SysfsNode node = find(path, true);
        if (node instanceof SysfsFile file) {
            return file;
        }
        throw new ErrnoException(Errno.EISDIR, path + " is a directory");
    }

    /** Finds the entry. If it does not exist, the shell suggests one of the last existing directory on the path. */
    private SysfsNode find(String path, boolean followLast) throws ErrnoException {
        try {
            return sysfs.lookup(path, followLast);
        } catch (ErrnoException e) {
            int slash = path.lastIndexOf('/');
            String name = path.substring(slash + 1);
            if (e.errno() != Errno.ENOENT || name.isEmpty()) {
                throw e;
            }
            throw UnknownNameException.near(
                    Errno.ENOENT,
                    String.valueOf(e.getMessage()),
                    name,
                    names(slash < 0 ? "." : path.substring(0, slash)));
        }
    }

    private List<String> names(String holder) {
        try {
            return sysfs.lookup(holder, true) instanceof SysfsDirectory directory
                    ? directory.children().stream().map(SysfsNode::name).toList()
                    : List.of();
        } catch (ErrnoException e) {
            return List.of();
        }
    }

    private Collection<String> complete(List<String> words, String prefix) {
        int slash = prefix.lastIndexOf('/');
        String holder = prefix.substring(0, slash + 1);
        try {
            return sysfs.lookup(holder.isEmpty() ? "." : holder, true) instanceof SysfsDirectory directory
                    ? directory.children().stream()
                            .filter(node -> node.name().startsWith(prefix.substring(slash + 1)))
                            .map(node -> holder + node.name() + (node instanceof SysfsFile ? "" : "/"))
                            .toList()
                    : List.of();
        } catch (ErrnoException e) {
            return prefix.isEmpty() || "/sys/".startsWith(prefix) ? List.of("/sys/") : List.of();
        }
    }

    private static String mode(SysfsNode node) {
        StringBuilder text = new StringBuilder();
        text.append(
                switch (node) {
                    case SysfsDirectory _ -> 'd';
                    case SysfsLink _ -> 'l';
                    case SysfsFile _ -> '-';
                });
        for (int bit = 8; bit >= 0; bit--) {
            text.append(((node.mode() >> bit) & 1) == 1 ? "xwr".charAt(bit % 3) : '-');
        }
        return text.toString();
    }

    private static int size(SysfsNode node) {
        return node instanceof SysfsFile ? SysfsFile.SIZE : 0;
    }

    private static @Nullable Object target(SysfsNode node) {
        return node instanceof SysfsLink link ? link.target() : null;
    }
}
