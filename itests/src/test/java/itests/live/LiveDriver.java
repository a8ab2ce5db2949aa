package itests.live;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.VfioPci;
import mdev.device.Registers;
import mdev.pci.Bar;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** A version of a driver whose devices store a number; it fails at the point in its header {@code Live-Fault}. */
@Component(service = {})
public final class LiveDriver implements ParentOps<LiveDriver.Plain> {
    private static final Bar MEMORY = Bar.memory(2, 1 << 16).prefetched();
    private static final PciFunction FUNCTION = PciFunction.of(0x1234, 0x1177)
            .classCode(0xff0000)
            .bar(Bar.memory(0, 16))
            .bar(MEMORY)
            .build();

    private final String version;
    private final String fault;

    /** A new feature: an attribute and a register. */
    private final @Nullable String extra;

    /** The version of the devices' states, in the header {@code Live-State}; 1 without it. */
    private final int stateVersion;

    private final Registration registration;

    @Activate
    public LiveDriver(BundleContext context, @Reference ParentRegistry registry) throws ErrnoException {
        version = context.getBundle().getVersion().toString();
        fault = String.valueOf(context.getBundle().getHeaders().get("Live-Fault"));
        extra = context.getBundle().getHeaders().get("Live-Extra");
        String state = context.getBundle().getHeaders().get("Live-State");
        stateVersion = state == null ? 1 : Integer.parseInt(state);
        fail("activate");
        String name = fault.equals("other parent") ? "live1" : "live0";
        registration = registry.registerDevice(new ParentDevice("live", name), this);
    }

    @Deactivate
    void exit() throws ErrnoException {
        fail("deactivate");
        registration.close();
    }

    private void fail(String where) throws ErrnoException {
        if (fault.equals(where + " throws")) {
            throw new ErrnoException(Errno.EINVAL, "not today");
        }
        CountDownLatch never = new CountDownLatch(fault.equals(where + " hangs") ? 1 : 0);
        while (never.getCount() > 0) {
            try {
                never.await();
            } catch (InterruptedException e) {
                // Hangs despite the interrupt.
            }
        }
    }

    @Override
    public List<MdevType> supportedTypes() {
        String type = fault.equals("other type") ? "b" : "a";
        return List.of(MdevType.of(type, "live", VfioPci.DEVICE_API, () -> 8));
    }

    @Override
    public List<AttributeGroup> mdevAttributeGroups(Plain card) {
        Attribute count = Attribute.readWrite(
                "count",
                () -> version + " " + card.count + "\n",
                value -> card.count.set(Long.parseLong(value.strip())));
        return List.of(new AttributeGroup(
                "", extra == null ? List.of(count) : List.of(count, Attribute.readOnly("extra", () -> extra + "\n"))));
    }

    @Override
    public Plain create(Mdev mdev) throws ErrnoException {
        fail("create");
        return fault.equals("no state") ? new Plain(number()) : new Card(number());
    }

    @Override
    public void remove(Plain card) {
        // holds nothing
    }

    private long number() {
        return extra == null ? 0 : Long.parseLong(extra);
    }

    /** A device with a register, which is the count, another for the new feature, and memory. */
    static sealed class Plain extends PciDevice {
        final AtomicLong count;

        Plain(long extra) {
            AtomicLong number = new AtomicLong();
            count = number;
            super(FUNCTION, _ -> List.of(new Bank(number, extra), MEMORY.sharedMemory()));
        }
    }

    private record Bank(AtomicLong count, long extra) implements Registers {
        @Override
        public long read(long offset, int size) {
            return offset == 0 ? count.get() : offset == 4 ? extra : 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            count.set(value);
        }
    }

    /** The same device with state. */
    final class Card extends Plain implements StatefulDevice {
        Card(long extra) {
            super(extra);
        }

        @Override
        public int stateVersion() {
            return stateVersion;
        }

        @Override
        public DeviceState save() throws ErrnoException {
            fail("save");
            return super.save().with("count", count.get());
        }

        @Override
        public void restore(DeviceState state) throws ErrnoException {
            fail("restore");
            super.restore(state);
            count.set(state.number("count"));
        }
    }
}
