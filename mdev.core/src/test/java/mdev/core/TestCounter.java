package mdev.core;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.state.StatefulParent;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;

/** A version of a vendor whose devices have a number as their state; tests can hook into its calls. */
final class TestCounter implements ParentOps<TestCounter.Card>, StatefulParent {
    static final ParentDevice DEVICE = new ParentDevice("counter", "counter0");

    /** Runs inside a call of the vendor. */
    @FunctionalInterface
    interface Step {
        void run(String uuid) throws ErrnoException;
    }

    private final String version;
    private final List<String> types;
    private final List<String> attributes;
    private final AtomicInteger free = new AtomicInteger(8);
    final ConcurrentHashMap<String, Card> cards = new ConcurrentHashMap<>();
    volatile Step inCreate = _ -> {};
    volatile Step inStop = _ -> {};
    volatile Step inSave = _ -> {};
    volatile Step inRestore = _ -> {};
    volatile Step inResume = _ -> {};
    volatile Step inRemove = _ -> {};
    volatile Step inSaveSettings = _ -> {};
    volatile Step inRestoreSettings = _ -> {};
    private volatile long limit;

    TestCounter(String version) {
        this(version, List.of("a", "b"), List.of("count"));
    }

    TestCounter(String version, List<String> types, List<String> attributes) {
        this.version = version;
        this.types = types;
        this.attributes = attributes;
    }

    /** A device. */
    final class Card implements DeviceOps, StatefulDevice {
        private final String uuid;
        private volatile boolean running = true;
        private volatile long count;

        private Card(String uuid) {
            this.uuid = uuid;
        }

        boolean isRunning() {
            return running;
        }

        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            throw new ErrnoException(Errno.ENOTTY);
        }

        @Override
        public void stop() throws ErrnoException {
            inStop.run(uuid);
            running = false;
        }

        @Override
        public DeviceState save() throws ErrnoException {
            inSave.run(uuid);
            return DeviceState.version(1).with("count", count).with("by", version);
        }

        @Override
        public void restore(DeviceState state) throws ErrnoException {
            inRestore.run(uuid);
            running = false;
            count = state.number("count");
        }

        @Override
        public void resume() throws ErrnoException {
            inResume.run(uuid);
            running = true;
        }
    }

    @Override
    public List<MdevType> supportedTypes() {
        return types.stream()
                .map(type -> MdevType.of(type, version + " " + type, "vfio-pci", free::get))
                .toList();
    }

    @Override
    public List<AttributeGroup> deviceAttributeGroups() {
        return List.of(new AttributeGroup(
                "settings",
                List.of(Attribute.readWrite(
                        "limit", () -> limit + "\n", value -> limit = Long.parseLong(value.strip())))));
    }

    @Override
    public DeviceState saveSettings() throws ErrnoException {
        inSaveSettings.run("");
        return DeviceState.version(1).with("limit", limit);
    }

    @Override
    public void restoreSettings(DeviceState settings) throws ErrnoException {
        inRestoreSettings.run("");
        limit = settings.number("limit");
    }

    @Override
    public List<AttributeGroup> mdevAttributeGroups(Card card) {
        List<Attribute> all = new ArrayList<>();
        for (String name : attributes) {
            all.add(Attribute.readWrite(
                    name,
                    () -> version + " " + card.count + "\n",
                    value -> card.count = Long.parseLong(value.strip())));
        }
        return List.of(new AttributeGroup("vendor", all));
    }

    @Override
    public Card create(Mdev mdev) throws ErrnoException {
        String uuid = mdev.uuid().toString();
        inCreate.run(uuid);
        free.decrementAndGet();
        Card card = new Card(uuid);
        if (cards.put(uuid, card) != null) {
            throw new IllegalStateException(uuid + " is created twice");
        }
        return card;
    }

    @Override
    public void remove(Card card) throws ErrnoException {
        inRemove.run(card.uuid);
        if (!cards.remove(card.uuid, card)) {
            throw new IllegalStateException(card.uuid + " is removed twice");
        }
        free.incrementAndGet();
    }
}
