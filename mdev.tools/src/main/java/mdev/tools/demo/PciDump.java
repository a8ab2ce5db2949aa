package mdev.tools.demo;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * The configuration header of a serial controller as {@code lspci -xxvv} prints it, without the guest kernel's
 * additions (slot and driver).
 */
final class PciDump {
    /** The standardized part of the configuration space. */
    static final int LENGTH = 64;

    /** From bit 0 on. */
    private static final List<String> COMMAND_BITS =
            List.of("I/O Mem BusMaster SpecCycle MemWINV VGASnoop ParErr Stepping SERR FastB2B DisINTx".split(" "));

    private static final List<String> INTERFACES =
            List.of("8250", "16450", "16550", "16650", "16750", "16850", "16950");
    private static final List<String> DEVSEL = List.of("fast", "medium", "slow", "?");
    private static final int ROW = 16;

    private PciDump() {}

    /**
     * @param slot its slot in the guest, for example {@code 00:05.0}
     * @param bytes the first {@link #LENGTH} bytes
     * @param sizes the sizes of the regions to show, from the first
     */
    static String of(String slot, byte[] bytes, List<Long> sizes) {
        ByteBuffer config = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        StringBuilder text = new StringBuilder();
        int programming = bytes[0x09];
        text.append("%s Serial controller: Device %04x:%04x (rev %02x) (prog-if %02x [%s])\n"
                .formatted(
                        slot,
                        config.getShort(0x00),
                        config.getShort(0x02),
                        bytes[0x08],
                        programming,
                        INTERFACES.get(programming)));
        text.append("\tSubsystem: Device %04x:%04x\n".formatted(config.getShort(0x2c), config.getShort(0x2e)));
        text.append("\tControl:").append(flags(config.getShort(0x04))).append('\n');
        text.append("\tStatus:").append(status(config.getShort(0x06))).append('\n');
        text.append("\tInterrupt: pin %c routed to IRQ %d\n".formatted('A' + bytes[0x3d] - 1, bytes[0x3c]));
        for (int i = 0; i < sizes.size(); i++) {
            int bar = config.getInt(0x10 + 4 * i);
            text.append("\tRegion %d: I/O ports at %04x [size=%d]\n".formatted(i, bar & ~3, sizes.get(i)));
        }
        for (int row = 0; row < bytes.length; row += ROW) {
            String hex = HexFormat.ofDelimiter(" ").formatHex(bytes, row, row + ROW);
            text.append(String.format(Locale.ROOT, "%02x: %s%n", row, hex));
        }
        return text.toString();
    }

    private static String flags(int command) {
        StringBuilder text = new StringBuilder();
        for (int bit = 0; bit < COMMAND_BITS.size(); bit++) {
            text.append(' ').append(COMMAND_BITS.get(bit)).append(sign(command, bit));
        }
        return text.toString();
    }

    /** Bits of the PCI status register, in lspci's order. */
    private static String status(int status) {
        return " Cap" + sign(status, 4) + " 66MHz" + sign(status, 5) + " UDF" + sign(status, 6) + " FastB2B"
                + sign(status, 7) + " ParErr" + sign(status, 8) + " DEVSEL=" + DEVSEL.get(status >> 9 & 3)
                + " >TAbort" + sign(status, 11) + " <TAbort" + sign(status, 12) + " <MAbort" + sign(status, 13)
                + " >SERR" + sign(status, 14) + " <PERR" + sign(status, 15) + " INTx" + sign(status, 3);
    }

    private static char sign(int flags, int bit) {
        return (flags >> bit & 1) == 1 ? '+' : '-';
    }
}
