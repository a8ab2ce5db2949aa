package vendor.mtty;

import java.util.List;
import java.util.stream.IntStream;
import mdev.pci.Bar;
import mdev.pci.PciFunction;

/**
 * A type: a card with a number of ports.
 *
 * @param ports the number of ports, which is also the name of the type's group, as in the sample
 * @param label the type's description
 * @param card 4348:3253 with an I/O BAR for each port ({@code mtty_create_config_space()} in samples/vfio-mdev/mtty.c)
 */
record MttyType(int ports, String label, PciFunction card) {
    static final MttyType SINGLE = new MttyType(1, "Single port serial", card(1));
    static final MttyType DUAL = new MttyType(2, "Dual port serial", card(2));
    static final List<MttyType> ALL = List.of(SINGLE, DUAL);

    private static final int VENDOR = 0x4348;
    private static final int DEVICE = 0x3253;

    /** Simple communication controller, serial, 16550 compatible. */
    private static final int CLASS = 0x070002;

    private static PciFunction card(int ports) {
        var card = PciFunction.of(VENDOR, DEVICE)
                .revision(0x10)
                .classCode(CLASS)
                .subsystem(VENDOR, DEVICE)
                .devsel(PciFunction.Devsel.MEDIUM)
                .decodingAtPowerOn()
                .interruptPin(PciFunction.Pin.INTA)
                .hiddenMsi(1)
                .deviceSpecific(0x40, "#\0\0\200#\0\0\0#\0\0\0#\0\0\0")
                .deviceSpecific(0x60, "PCI Serial/UART\0");
        IntStream.range(0, ports).mapToObj(port -> Bar.io(port, SerialReg.SIZE)).forEach(card::bar);
        return card.build();
    }

    String group() {
        return Integer.toString(ports);
    }
}
