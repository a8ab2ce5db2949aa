package itests.vm;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A port of {@code vendor.mtty} beside one of QEMU's {@code pci-serial} in the same guest, for {@code itests.bench}.
 *
 * @param ours nanoseconds of each round, in both directions at once
 * @param beside the same for QEMU's port, whose other end is an echo
 * @param messages of vfio-user for a byte, of each round
 */
public record SerialComparison(List<Double> ours, List<Double> beside, List<Double> messages) {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

    /** The reason why no VM can run here, or empty. */
    public static String missing() {
        return VmCondition.missing();
    }

    /** @param temp for the echo's socket */
    public static SerialComparison run(Path temp, int rounds, int bytes) throws Exception {
        List<Double> ours = new ArrayList<>();
        List<Double> beside = new ArrayList<>();
        List<Double> messages = new ArrayList<>();
        try (var echo = new Echo(temp.resolve("echo"));
                var platform = Platform.start("--load", "vendor.mtty");
                var guest = Guest.start(
                        List.of(
                                "-chardev",
                                "socket,id=echo,path=" + echo.socket(),
                                "-device",
                                "pci-serial,addr=6,chardev=echo"),
                        platform.create("mtty", "mtty-1", UUID))) {
            guest.awaitBoot();
            var card = new SerialCard(guest, 5, 1);
            var qemus = new SerialCard(guest, 6, 1);
            for (int round = -1; round < rounds; round++) {
                long before = messages(platform);
                double one = time(card, bytes);
                double each = (double) (messages(platform) - before) / bytes;
                double other = time(qemus, bytes);
                if (round >= 0) {
                    ours.add(one);
                    beside.add(other);
                    messages.add(each);
                }
            }
        }
        return new SerialComparison(ours, beside, messages);
    }

    private static double time(SerialCard card, int bytes) throws Exception {
        var tty = card.ttys().getFirst();
        long start = System.nanoTime();
        card.loop(tty, bytes).ok();
        return System.nanoTime() - start;
    }

    private static long messages(Platform platform) throws Exception {
        return new ObjectMapper()
                .readTree(platform.run("vfio:info --json " + UUID).ok())
                .findPath("messages")
                .asLong();
    }
}
