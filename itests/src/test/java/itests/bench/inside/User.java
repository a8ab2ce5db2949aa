package itests.bench.inside;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioPci;

/** A new device and its user in this process; the device may access the user's memory. */
final class User implements AutoCloseable {
    private static final int COMMAND = 0x04;
    private static final byte COMMAND_MASTER = 0x4;

    private final Tree tree;
    private final String uuid;
    private final VfioContainer container;
    private final VfioGroup group;

    final VfioDevice device;

    private User(Tree tree, String uuid, VfioContainer container, VfioGroup group, VfioDevice device) {
        this.tree = tree;
        this.uuid = uuid;
        this.container = container;
        this.group = group;
        this.device = device;
    }

    /** @param uuid of the device, which is removed on close */
    static User open(Vfio vfio, Tree tree, String uuid) throws ErrnoException {
        Integer number = vfio.devices().get(uuid);
        VfioContainer container = vfio.openContainer();
        VfioGroup group = vfio.openGroup(number == null ? -1 : number, "itests.bench");
        group.setContainer(container);
        container.setIommu(VfioContainer.TYPE1V2_IOMMU);
        User user = new User(tree, uuid, container, group, group.getDevice(uuid));
        user.config(COMMAND, COMMAND_MASTER, (byte) 0);
        return user;
    }

    void config(int register, byte... value) throws ErrnoException {
        device.write(VfioPci.CONFIG_REGION, register, MemorySegment.ofArray(value), 0, value.length);
    }

    void map(UserMemory memory, long iova, long size) throws ErrnoException {
        container.ioctl(new MapDma(MapDma.READ | MapDma.WRITE, memory, iova, size));
    }

    @Override
    public void close() throws ErrnoException {
        device.close();
        group.close();
        container.close();
        tree.remove(uuid);
    }
}
