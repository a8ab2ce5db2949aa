package vendor.edu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The parent: its limit and its configuration. */
final class EduTest {
    private static final ParentRegistry REGISTRY = new ParentRegistry() {
        @Override
        public <D extends DeviceOps> Registration registerDevice(ParentDevice device, ParentOps<D> ops) {
            return () -> {};
        }
    };

    private record Device(UUID uuid) implements Mdev {
        @Override
        public ParentDevice parent() {
            throw new UnsupportedOperationException();
        }

        @Override
        public MdevType type() {
            throw new UnsupportedOperationException();
        }

        @Override
        public String typeId() {
            return "edu-pci";
        }

        @Override
        public String deviceApi() {
            return VfioPci.DEVICE_API;
        }

        @Override
        public OptionalInt iommuGroup() {
            return OptionalInt.empty();
        }

        @Override
        public Slot slot() {
            throw new UnsupportedOperationException();
        }
    }

    /** A guest that records the addresses that are read. */
    private record Guest(LinkedBlockingQueue<Long> read) implements VfioContext {
        @Override
        public void dmaRead(long iova, MemorySegment data, long offset, long length) {
            read.add(iova);
        }

        @Override
        public boolean armed(int index, int vector) {
            return false;
        }

        @Override
        public void trigger(int index, int vector) {}

        @Override
        public void setIntx(boolean high) {}
    }

    private final Edu edu = new Edu(REGISTRY);

    private EduDevice create() throws ErrnoException {
        return edu.create(new Device(UUID.randomUUID()));
    }

    @Test
    void sixteenDevicesAreTheLimit() throws ErrnoException {
        List<EduDevice> devices = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            devices.add(create());
        }
        assertEquals(
                Errno.ENOSPC, assertThrows(ErrnoException.class, this::create).errno());
        edu.remove(devices.getFirst());
        create();
        assertEquals(
                Errno.ENOSPC, assertThrows(ErrnoException.class, this::create).errno());
    }

    /** Also applies to existing devices; the default replaces an invalid value. */
    @ParameterizedTest
    @CsvSource({
        "12, 0x678",
        "32, 0x12345678",
        "63, 0x7edcba9812345678",
        "28, 0x2345678",
        "11, 0x2345678",
        "x, 0x2345678"
    })
    void theConfigurationIsTheWidthOfAnAddress(String bits, String reached) throws Exception {
        edu.configure(Map.of());
        EduDevice device = create();
        var guest = new Guest(new LinkedBlockingQueue<>());
        device.open(guest);
        edu.configure(Map.of("dmaBits", bits));
        device.write(VfioPci.CONFIG_REGION, 4, MemorySegment.ofArray(new short[] {4}), 0, 2);
        long[] transfer = {0xfedcba9812345678L, 0x40000, 1, 1};
        device.write(VfioPci.BAR0_REGION, 0x80, MemorySegment.ofArray(transfer), 0, 32);
        assertEquals(Long.decode(reached), guest.read.poll(1, TimeUnit.MINUTES));
    }
}
