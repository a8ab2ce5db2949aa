package itests.vm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What a Java process holds of the kernel's on behalf of VMs: counts that are equal before a VM came and after it went.
 *
 * @param fds open descriptors by kind, without regular files: the JVM opens its jars when it likes
 * @param threads threads by name, without those that the JVM and Felix start when they like
 * @param mappings mappings of memfds, that is of guest and device memory
 */
record Footprint(Map<String, Integer> fds, Map<String, Integer> threads, long mappings) {
    private static final Pattern NUMBER = Pattern.compile("\\[?\\d+]?");
    private static final Pattern OF_JVM_AND_FELIX = Pattern.compile(
            "C[12] Compiler.*|VM .*|GC .*|G1 .*|Monitor .*|Service Thread|Notification T.*"
                    + "|Reference Handl.*|Finalizer|Signal Dispatch.*|Attach Listener|Common-Cleaner|ForkJoinPool.*|VirtualThread.*|.*-[Pp]oller.*|JFR .*|Felix.*|EventAdmin.*|CM .*|SCR .*");

    static Footprint of(long pid) throws IOException {
        var proc = Path.of("/proc/" + pid);
        // First: what a thread that is seen no more has closed is not counted below.
        var threads = new TreeMap<String, Integer>();
        try (var tasks = Files.list(proc.resolve("task"))) {
            for (var task : tasks.toList()) {
                try {
                    var name = Files.readString(task.resolve("comm")).strip();
                    if (!OF_JVM_AND_FELIX.matcher(name).matches()) {
                        threads.merge(name, 1, Integer::sum);
                    }
                } catch (IOException e) {
                    // Ended since it was listed: the kernel answers ENOENT or ESRCH.
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
                    // Closed since it was listed.
                }
            }
        }
        try (var maps = Files.lines(proc.resolve("maps"))) {
            return new Footprint(
                    fds, threads, maps.filter(line -> line.contains("/memfd:")).count());
        }
    }
}
