package itests.bench;

import itests.vm.SerialComparison;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A serial port in a VM. */
record GuestSubject(Path temp) implements Subject {
    @Override
    public String name() {
        return "vm";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        report.add(
                List.of(
                        new Figure(
                                "64 KiB through a port of vendor.mtty in a VM, and back",
                                Unit.SECONDS,
                                "QEMU's pci-serial",
                                Target.NONE),
                        Figure.alone("its vfio-user messages per byte", Unit.NUMBER, Target.NONE)),
                () -> {
                    String missing = SerialComparison.missing();
                    if (!missing.isEmpty()) {
                        throw new Unavailable("no VM here: " + missing);
                    }
                    SerialComparison run = SerialComparison.run(temp, effort.of(5, 1), effort.of(64 << 10, 256));
                    return List.of(new Rounds(run.ours(), run.beside()), Rounds.alone(run.messages()));
                });
    }
}
