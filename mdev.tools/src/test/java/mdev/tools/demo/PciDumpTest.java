package mdev.tools.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class PciDumpTest {
    @Test
    void printsAsLspciDoes() {
        byte[] config = Arrays.copyOf(
                HexFormat.ofDelimiter(" ").parseHex("48 43 53 32 47 05 b8 f7 10 06 00 07 00 00 00 00 01 d0 00 00"),
                PciDump.LENGTH);
        config[0x2c] = 0x34;
        config[0x2d] = 0x12;
        config[0x3c] = 11;
        config[0x3d] = 2;
        assertEquals("""
                00:06.0 Serial controller: Device 4348:3253 (rev 10) (prog-if 06 [16950])
                \tSubsystem: Device 1234:0000
                \tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr+ Stepping- SERR+ FastB2B- DisINTx+
                \tStatus: Cap+ 66MHz+ UDF- FastB2B+ ParErr+ DEVSEL=? >TAbort- <TAbort+ <MAbort+ >SERR+ <PERR+ INTx+
                \tInterrupt: pin B routed to IRQ 11
                \tRegion 0: I/O ports at d000 [size=8]
                00: 48 43 53 32 47 05 b8 f7 10 06 00 07 00 00 00 00
                10: 01 d0 00 00 00 00 00 00 00 00 00 00 00 00 00 00
                20: 00 00 00 00 00 00 00 00 00 00 00 00 34 12 00 00
                30: 00 00 00 00 00 00 00 00 00 00 00 00 0b 02 00 00
                """, PciDump.of("00:06.0", config, List.of(8L)));
    }
}
