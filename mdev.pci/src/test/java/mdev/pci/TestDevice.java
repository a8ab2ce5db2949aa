package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioPci;
import mdev.device.Region;

/** A device of a given declaration, with its accesses in hexadecimal. */
final class TestDevice extends PciDevice {
    TestDevice(PciFunction function, Function<Interrupts, List<? extends Region>> regions) {
        super(function, regions);
    }

    /** A device that is nothing but its configuration space. */
    TestDevice(PciFunction function) {
        this(
                function,
                interrupts -> function.bars().stream()
                        .map(bar -> new MemoryRegion(MemorySegment.ofArray(new byte[0])))
                        .toList());
    }

    String read(int region, long offset, int length) throws ErrnoException {
        byte[] data = new byte[length];
        read(region, offset, MemorySegment.ofArray(data), 0, length);
        return HexFormat.of().formatHex(data);
    }

    void write(int region, long offset, String hex) throws ErrnoException {
        byte[] data = HexFormat.of().parseHex(hex);
        write(region, offset, MemorySegment.ofArray(data), 0, data.length);
    }

    String config(long offset, int length) throws ErrnoException {
        return read(VfioPci.CONFIG_REGION, offset, length);
    }

    void config(long offset, String hex) throws ErrnoException {
        write(VfioPci.CONFIG_REGION, offset, hex);
    }
}
