package itests.vm;

import itests.Patience;
import java.io.IOException;
import java.util.List;

/** A serial card in a slot of a guest, with the given number of ports. */
record SerialCard(Guest guest, int slot, int ports) {
    /** The slot in the notation of {@code lspci}. */
    String address() {
        return "00:%02x.0".formatted(slot);
    }

    /** The terminals of its ports, once the guest's driver has created them. */
    List<String> ttys() throws IOException {
        return guest.run("while [ $(pci-ttys %1$s | wc -l) -lt %2$d ]; do usleep 20000; done; pci-ttys %1$s"
                        .formatted(address(), ports))
                .ok()
                .lines()
                .toList();
    }

    /**
     * Sends random bytes through a port at full speed, in both directions at once; the result states whether all bytes
     * were echoed.
     */
    Result loop(String tty, int bytes) throws IOException {
        return guest.run("serial-loop %s %d".formatted(tty, bytes), Patience.TIME);
    }

    /**
     * Sends through all ports concurrently.
     *
     * @throws AssertionError if a byte is not echoed
     */
    void loopAll(int bytes) throws IOException {
        loopAll(guest, ttys(), bytes);
    }

    /** The same for ports of any card. */
    static void loopAll(Guest guest, List<String> ttys, int bytes) throws IOException {
        guest.run("""
                for tty in %s; do serial-loop $tty %d & loops="$loops $!"; done
                for loop in $loops; do wait $loop || exit; done
                """.formatted(String.join(" ", ttys), bytes), Patience.TIME).ok();
    }

    /** Starts to send endlessly through the first port and waits until bytes are echoed. */
    void transfer() throws IOException {
        var tty = ttys().getFirst();
        guest.background(
                "stty -F %1$s 115200 raw -echo -crtscts clocal; cat %1$s & cat /dev/urandom >%1$s".formatted(tty));
        guest.run("until " + statisticsOf(tty) + " | grep ' rx:[0-9]\\{4\\}'; do usleep 20000; done", Patience.TIME)
                .ok();
    }

    /** The driver's statistics of the port: bytes sent and received, and each kind of error that occurred. */
    String statistics(String tty) throws IOException {
        return guest.run(statisticsOf(tty)).ok();
    }

    /** A command that prints, for example, "4: uart:16550A port:0000C050 irq:10 tx:65536 rx:65536 RTS|CTS". */
    private static String statisticsOf(String tty) {
        return "grep '^" + tty.substring("/dev/ttyS".length()) + ":' /proc/tty/driver/serial";
    }
}
