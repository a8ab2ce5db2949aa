package mdev.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.golden.Answers;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Random sequences of operations on the core and on a sequential model of it: results and trees are equal. */
class ModelTest {
    private static final int SEQUENCES = 20;
    private static final int STEPS = 300;
    private static final String DRIVER = "/sys/bus/mdev/drivers/vfio_mdev/";

    /** A device of the model: its type, and its group if it is bound. */
    private static final class Device {
        final int type;

        @Nullable
        Integer group;

        Device(int type) {
            this.type = type;
        }
    }

    private final Map<Integer, Device> devices = new TreeMap<>();
    private boolean parent;
    private boolean driver;
    private boolean autoprobe = true;
    private boolean veto;

    @Test
    void randomSequences() throws Exception {
        for (int i = 0; i < SEQUENCES; i++) {
            long seed = System.nanoTime();
            try {
                new ModelTest().sequence(new Random(seed));
            } catch (Exception | AssertionError e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
    }

    private void sequence(Random random) throws Exception {
        TestMtty mtty = new TestMtty();
        mtty.inMayRemove = _ -> {
            if (veto) {
                throw new ErrnoException(Errno.EBUSY);
            }
        };
        List<String> done = new ArrayList<>();
        try (Rig rig = new Rig()) {
            TestVfio vfio = new TestVfio(rig.vfio);
            Registration parentRegistration = () -> {};
            Registration driverRegistration = () -> {};
            for (int step = 0; step < STEPS; step++) {
                int n = random.nextInt(16);
                int type = 1 + random.nextInt(2);
                int operation = random.nextInt(100);
                String expected = "done";
                String actual = "done";
                String what;
                if (operation < 35) {
                    what = "create " + n + " in " + type;
                    expected = create(n, type);
                    actual = answer(() -> rig.create("mtty-" + type, uuid(n)));
                } else if (operation < 60) {
                    what = "remove " + n;
                    expected = remove(n);
                    actual = answer(() -> rig.remove(uuid(n)));
                } else if (operation < 70) {
                    what = "bind " + n;
                    expected = bind(n);
                    actual = answer(() -> rig.write(DRIVER + "bind", uuid(n).toString()));
                } else if (operation < 80) {
                    what = "unbind " + n;
                    expected = unbind(n);
                    actual = answer(() -> rig.write(DRIVER + "unbind", uuid(n) + "\n"));
                } else if (operation < 85) {
                    what = "probe " + n;
                    expected = probe(n);
                    actual = answer(() -> rig.write("/sys/bus/mdev/drivers_probe", uuid(n).toString()));
                } else if (operation < 88) {
                    what = "autoprobe";
                    autoprobe = !autoprobe;
                    rig.write("/sys/bus/mdev/drivers_autoprobe", autoprobe ? "1" : "0");
                } else if (operation < 92) {
                    what = "veto";
                    veto = !veto;
                } else if (operation < 96) {
                    what = driver ? "unregister driver" : "register driver";
                    if (driver) {
                        driverRegistration.close();
                        devices.values().forEach(device -> device.group = null);
                    } else {
                        driverRegistration = rig.vfio.registerDriver(vfio);
                        if (autoprobe) {
                            // In the order of the names.
                            new TreeMap<>(devices).values().forEach(this::offer);
                        }
                    }
                    driver = !driver;
                } else {
                    what = parent ? "unregister parent" : "register parent";
                    if (parent) {
                        parentRegistration.close();
                        devices.clear();
                    } else {
                        parentRegistration = rig.load(mtty);
                    }
                    parent = !parent;
                }
                done.add(what);
                assertEquals(expected, actual, () -> done.toString());
                assertEquals(describe(), describe(rig), () -> done.toString());
            }
            rig.vendor.close();
            assertEquals(true, mtty.balanced());
        }
    }

    private static UUID uuid(int n) {
        return new UUID(0, n);
    }

    private interface Call {
        void run() throws ErrnoException;
    }

    private static String answer(Call call) {
        try {
            call.run();
            return "done";
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }

    private int free() {
        return 24 - devices.values().stream().mapToInt(device -> device.type).sum();
    }

    private int lowestFreeGroup() {
        TreeSet<Integer> used = new TreeSet<>();
        devices.values().forEach(device -> {
            if (device.group != null) {
                used.add(device.group);
            }
        });
        int group = 0;
        while (used.contains(group)) {
            group++;
        }
        return group;
    }

    private void offer(Device device) {
        if (device.group == null) {
            device.group = lowestFreeGroup();
        }
    }

    private String create(int n, int type) {
        if (!parent) {
            return "ENOENT";
        }
        if (devices.containsKey(n)) {
            return "EEXIST";
        }
        if (free() / type <= 0) {
            return "ENOSPC";
        }
        Device device = new Device(type);
        devices.put(n, device);
        if (driver && autoprobe) {
            offer(device);
        }
        return "done";
    }

    private String remove(int n) {
        if (!devices.containsKey(n)) {
            return "ENOENT";
        }
        if (veto) {
            return "EBUSY";
        }
        devices.remove(n);
        return "done";
    }

    private String bind(int n) {
        Device device = devices.get(n);
        if (!driver) {
            return "ENOENT";
        }
        if (device == null || device.group != null) {
            return "ENODEV";
        }
        offer(device);
        return "done";
    }

    private String unbind(int n) {
        Device device = devices.get(n);
        if (!driver) {
            return "ENOENT";
        }
        if (device == null || device.group == null) {
            return "ENODEV";
        }
        device.group = null;
        return "done";
    }

    private String probe(int n) {
        Device device = devices.get(n);
        if (device == null) {
            return "ENODEV";
        }
        if (driver) {
            offer(device);
        }
        return "done";
    }

    private String describe() {
        StringBuilder text = new StringBuilder();
        devices.forEach((n, device) -> text.append(uuid(n))
                .append(" mtty-")
                .append(device.type)
                .append(' ')
                .append(device.group)
                .append('\n'));
        return text.append(parent ? free() + "\n" : "ENOENT").toString();
    }

    private static String describe(Rig rig) {
        StringBuilder text = new StringBuilder();
        for (String name : Answers.names(rig.sysfs(), "/sys/bus/mdev/devices").split(" ", -1)) {
            if (!name.isEmpty()) {
                String device = Rig.DEVICES + name;
                String group = rig.answer(device + "/iommu_group");
                boolean bound = rig.exists(device + "/driver");
                assertEquals(bound, !group.startsWith("absent"));
                assertEquals(bound, rig.exists(DRIVER + name));
                text.append(name)
                        .append(rig.answer(device + "/mdev_type").replaceAll(".*/", " "))
                        .append(bound ? group.replaceAll(".*/", " ") : " null")
                        .append('\n');
            }
        }
        String[] left = new String[1];
        String answer = answer(() -> left[0] = rig.read(Rig.TYPES + "mtty-1/available_instances"));
        return text.append(answer.equals("done") ? left[0] : answer).toString();
    }
}
