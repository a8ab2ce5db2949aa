package itests.vm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The kernel resources that a Java process holds for VMs: counts that are equal before a VM connects and after it has
 * disconnected.
 *
 * @param fds open descriptors by kind, without regular files, because the JVM opens its jars at any time
 * @param threads threads by name, without those that the JVM and Felix start at any time, and without the reserve
 *     thread that a pool keeps from its first call on
 * @param mappings mappings of memfds, that is, of guest and device memory
 */
record Footprint(Map<String, Integer> fds, Map<String, Integer> threads, long mappings) {
    private static final Pattern NUMBER = Pattern.compile("\\[?\\d+]?");
    private static final Pattern OF_JVM_AND_FELIX = Pattern.compile(
            "reserve .*|C[12] Compiler.*|VM .*|GC .*|G1 .*|Monitor .*|Service Thread|Notification T.*"
                    + "|Reference Handl.*|Finalizer|Signal Dispatch.*|Attach Listener|Common-Cleaner|ForkJoinPool.*|VirtualThread.*|.*-[Pp]oller.*|JFR .*|Felix.*|EventAdmin.*|CM .*|SCR .*");

    static Footprint of(long pid) throws IOException {
        var proc = Path.of("/proc/" + pid);
        // Threads first: descriptors closed by a thread that has exited are then not counted below.
        var threads = new TreeMap<String, Integer>();
        try (var tasks = Files.list(proc.resolve("task"))) {
            for (var task : tasks.toList()) {
                try {
                    var name = Files.readString(task.resolve("comm")).strip();
                    if (!OF_JVM_AND_FELIX.matcher(name).matches()) {
                        threads.merge(name, 1, Integer::sum);
                    }
                } catch (IOException e) {
                    // Exited since the listing: the kernel returns ENOENT or ESRCH.
                }
            }
        }
        var fds = new TreeMap<String, Integer>();
        try (var links = Files.list(proc.resolve("fd"))) {
            for (var link : links.toList()) {
                try {
                    var target = Files.readSymbolicLink(link).toString();
                    if (!target.startsWith("/") || target.startsWith("/memfd:") || target.startsWith("/dev/")) {
                        fds.merge(NUMBER.matcher(target).replaceAll(""), 1, Integer::sum);
                    }
                } catch (NoSuchFileException e) {
                    // Closed since the listing.
                }
            }
        }
        try (var maps = Files.lines(proc.resolve("maps"))) {
            return new Footprint(
                    fds, threads, maps.filter(line -> line.contains("/memfd:")).count());
        }
    }
}
