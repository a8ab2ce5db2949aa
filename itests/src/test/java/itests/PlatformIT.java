package itests;

import static java.util.stream.Collectors.toMap;
import static org.junit.Assert.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.Test;
import org.osgi.framework.Bundle;

/** The platform starts: all shipped bundles resolve and start. */
public class PlatformIT extends PlatformTestSupport {
    @Test
    public void ourBundlesAreActiveAndVendorsAreAbsent() {
        Map<String, Integer> ours = Stream.of(context.getBundles())
                .filter(bundle -> bundle.getSymbolicName().matches("(mdev|vfio|vendor)\\..*"))
                .collect(toMap(Bundle::getSymbolicName, Bundle::getState));

        assertEquals(
                Stream.of(
                                "mdev.api",
                                "mdev.linux",
                                "mdev.core",
                                "mdev.console",
                                "mdev.tools",
                                "vfio.mdev",
                                "vfio.user",
                                "mdev.fuse",
                                "mdev.metrics")
                        .collect(toMap(name -> name, _ -> Bundle.ACTIVE)),
                ours);
    }

    @Test
    public void everyOtherBundleIsActive() {
        List<Bundle> notActive = Stream.of(context.getBundles())
                .filter(bundle -> bundle.getState() != Bundle.ACTIVE)
                .toList();

        assertEquals(List.of(), notActive);
    }
}
