package mdev.fuse;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A mounted tree for each test. */
abstract class MountedTreeTestSupport {
    MountedTree tree;

    @BeforeEach
    void mount() throws Exception {
        tree = new MountedTree(24);
    }

    @AfterEach
    void unmount() throws IOException {
        tree.close();
    }
}
