package vendor.mtty;

import java.util.UUID;
import java.util.stream.Stream;
import mdev.api.state.QuiescentDevice;
import mdev.pci.PciDevice;

/** A serial card with a 16550A behind each of its BARs. It does no DMA, and so it is always quiescent. */
final class MttyDevice extends PciDevice implements QuiescentDevice {
    private final UUID uuid;
    private final MttyType type;

    MttyDevice(UUID uuid, MttyType type) {
        super(
                type.card(),
                interrupts -> Stream.generate(() -> new Uart16550A(interrupts.source()))
                        .limit(type.ports())
                        .toList());
        this.uuid = uuid;
        this.type = type;
    }

    UUID uuid() {
        return uuid;
    }

    MttyType type() {
        return type;
    }
}
