package itests.mishap;

import java.util.Map;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;

/** A component with a {@link Mishap} when a configuration creates, changes or removes it. */
@Component(
        service = {},
        configurationPid = "itests.mishap",
        configurationPolicy = ConfigurationPolicy.REQUIRE)
public final class MishapInstance {
    private final Mishap mishap;

    @Activate
    public MishapInstance(BundleContext context) {
        mishap = new Mishap(context);
        mishap.at("configure");
    }

    @Modified
    void modify(Map<String, Object> configuration) {
        if (configuration.containsKey("key")) {
            mishap.at("modify");
        }
    }

    @Deactivate
    void remove() {
        mishap.at("unconfigure");
    }
}
