package vfio.mdev.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.concurrent.CyclicBarrier;
import mdev.api.Mdev;
import mdev.api.vfio.VfioGroup;
import org.junit.jupiter.api.Test;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;

class GroupsTest {
    private static final int ROUNDS = 20_000;

    /** A number is reassigned while the last file of its old group is being closed: there is never a surplus node. */
    @Test
    void reusedNumberIsUnaffectedByTheCloseOfItsOldFile() throws Exception {
        TestPlatform platform = new TestPlatform();
        CyclicBarrier both = new CyclicBarrier(2);
        Mdev mdev = platform.add(0, new TestVendor());
        for (int round = 0; round < ROUNDS; round++) {
            VfioGroup old = platform.vfio.openGroup(0, "test");
            platform.remove(mdev);
            Thread user = Thread.ofVirtual().start(() -> {
                try {
                    both.await();
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
                old.close();
            });
            both.await();
            mdev = platform.add(0, new TestVendor());
            user.join();
            assertEquals(List.of(0), platform.vfio.groups());
        }
        platform.remove(mdev);
        assertEquals(List.of(), platform.vfio.groups());
        platform.close();
    }
}
