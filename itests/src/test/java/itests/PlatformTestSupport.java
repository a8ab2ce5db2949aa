package itests;

import static org.ops4j.pax.exam.CoreOptions.bundle;
import static org.ops4j.pax.exam.CoreOptions.composite;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.junitBundles;
import static org.ops4j.pax.exam.CoreOptions.options;
import static org.ops4j.pax.exam.CoreOptions.systemPackages;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import javax.inject.Inject;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;

/**
 * Runs the test class as a bundle with the bundles of {@code mdev.jar}: the same files, order and properties as
 * shipped. One framework per class; each class has its own run directory.
 */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public abstract class PlatformTestSupport {
    @Inject
    protected BundleContext context;

    @Configuration
    public final Option[] configuration() throws IOException {
        Distribution shipped = Distribution.read();
        return options(
                composite(shipped.frameworkProperties().entrySet().stream()
                        .map(entry -> frameworkProperty(entry.getKey()).value(entry.getValue()))
                        .toArray(Option[]::new)),
                composite(shipped.bundles().stream()
                        .map(location -> bundle(location.toString()))
                        .toArray(Option[]::new)),
                // On the class path as in the platform (-runpath in cnf/felix.bndrun), for the test and for Pax Exam.
                composite(Stream.of("2.0.20", "1.7.36")
                        .map(version -> systemPackages(slf4j(version)))
                        .toArray(Option[]::new)),
                systemPackages("org.jspecify.annotations;version=1.0.0"),
                frameworkProperty("mdev.run").value(RunDirectory.create().toString()),
                frameworkProperty("mdev.modules").value(Distribution.MODULES.toString()),
                junitBundles(),
                composite(more()));
    }

    /** The requirements of a test class besides the platform. */
    protected Option[] more() {
        return options();
    }

    private static String[] slf4j(String version) {
        return Stream.of("org.slf4j", "org.slf4j.event", "org.slf4j.helpers", "org.slf4j.spi")
                .map(name -> name + ";version=" + version)
                .toArray(String[]::new);
    }

    protected final Bundle bundleNamed(String symbolicName) {
        return Stream.of(context.getBundles())
                .filter(bundle -> bundle.getSymbolicName().equals(symbolicName))
                .findFirst()
                .orElseThrow();
    }

    protected final Bundle startModule(String symbolicName) throws BundleException {
        Bundle bundle = context.installBundle(module(symbolicName).toUri().toString());
        bundle.start();
        return bundle;
    }

    /** The jar of a vendor, as {@code mdev:modprobe} finds it. */
    protected static Path module(String symbolicName) {
        return Distribution.MODULES.resolve(symbolicName + ".jar");
    }
}
