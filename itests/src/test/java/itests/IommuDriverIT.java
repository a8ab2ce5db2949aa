package itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.options;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.inject.Inject;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IommuCapability;
import mdev.api.vfio.IommuGetInfo;
import mdev.api.vfio.IommuInfo;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioGroup;
import org.junit.Before;
import org.junit.Test;
import org.ops4j.pax.exam.Option;
import org.osgi.framework.Bundle;
import org.osgi.framework.SynchronousBundleListener;

/** A bundle adds an IOMMU back-end while the platform runs and removes it again, without effect on others. */
public class IommuDriverIT extends PlatformTestSupport {
    private static final String NAME = "itests.iommu";
    private static final int TYPE = 1000;
    private static final int PAGE = 4096;

    @Inject
    private Sysfs sysfs;

    @Inject
    private Vfio vfio;

    private final String uuid = UUID.randomUUID().toString();
    private int number;

    @Override
    protected Option[] more() {
        try {
            return options(frameworkProperty(NAME)
                    .value(PackedBundle.build(NAME, NAME, RunDirectory.create()).toString()));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Before
    public void before() throws Exception {
        startModule("vendor.mtty");
        Tree tree = new Tree(sysfs);
        tree.create("mtty", "mtty-1", uuid);
        number = tree.group(uuid);
    }

    @Test
    public void bundleAddsAndRemovesABackEnd() throws Exception {
        List<String> disturbed = new CopyOnWriteArrayList<>();
        context.addBundleListener((SynchronousBundleListener) event -> {
            if (!NAME.equals(event.getBundle().getSymbolicName())) {
                disturbed.add(event.getBundle() + " " + event.getType());
            }
        });
        try (VfioContainer container = vfio.openContainer();
                VfioGroup group = vfio.openGroup(number, "IommuDriverIT")) {
            group.setContainer(container);
            assertAbsent(container);

            Bundle bundle = context.installBundle(
                    Path.of(context.getProperty(NAME)).toUri().toString());
            bundle.start();
            assertEquals(1, container.checkExtension(TYPE));
            assertEquals("type1 is still present", 1, container.checkExtension(VfioContainer.TYPE1_IOMMU));
            container.setIommu(TYPE);
            assertEquals(10, avail(container));
            map(container, 0);
            assertEquals("the mapping has reached it", 9, avail(container));

            bundle.stop();
            // In the kernel a module in use cannot be unloaded; here its address space stays until the last group
            // leaves.
            map(container, PAGE);
            assertEquals(8, avail(container));
            group.getDevice(uuid).close();
            try (VfioContainer late = vfio.openContainer()) {
                assertEquals("no new user gets it", 0, late.checkExtension(TYPE));
            }
            group.unsetContainer();

            group.setContainer(container);
            assertAbsent(container);
            container.setIommu(VfioContainer.TYPE1V2_IOMMU);
            group.unsetContainer();

            group.setContainer(container);
            bundle.start();
            container.setIommu(TYPE);
            assertEquals("a fresh address space", 10, avail(container));
            group.unsetContainer();
            bundle.uninstall();
            group.setContainer(container);
            assertAbsent(container);
        }
        assertEquals("no other bundle was affected", List.of(), disturbed);
    }

    private static void assertAbsent(VfioContainer container) {
        assertEquals(0, container.checkExtension(TYPE));
        ErrnoException refused = assertThrows(ErrnoException.class, () -> container.setIommu(TYPE));
        assertEquals(Errno.ENODEV, refused.errno());
    }

    private static int avail(VfioContainer container) throws ErrnoException {
        IommuInfo info = (IommuInfo) container.ioctl(new IommuGetInfo());
        return ((IommuCapability.DmaAvail) info.capabilities().getFirst()).avail();
    }

    private static void map(VfioContainer container, long iova) throws ErrnoException {
        UserMemory memory = new UserMemory.Local(Arena.ofAuto().allocate(PAGE, PAGE));
        assertEquals(IoctlReply.DONE, container.ioctl(new MapDma(MapDma.READ, memory, iova, PAGE)));
    }
}
