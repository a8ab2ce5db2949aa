package itests.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.felix.framework.FrameworkFactory;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;

/** A framework with nothing but a shell's engine: the least that a start of the platform can take. */
final class EmptyFelix {
    private EmptyFelix() {}

    /** @param args the cache directory, and the bundle of Gogo's runtime */
    public static void main(String[] args) throws Exception {
        Framework felix = new FrameworkFactory()
                .newFramework(
                        Map.of(Constants.FRAMEWORK_STORAGE, args[0], Constants.FRAMEWORK_STORAGE_CLEAN, "onFirstInit"));
        felix.start();
        Bundle gogo = felix.getBundleContext().installBundle(args[1], Files.newInputStream(Path.of(args[1])));
        gogo.start();
        if (felix.getBundleContext().getServiceReference("org.apache.felix.service.command.CommandProcessor") == null) {
            throw new AssertionError("no command processor");
        }
        felix.stop();
        felix.waitForStop(0);
    }
}
