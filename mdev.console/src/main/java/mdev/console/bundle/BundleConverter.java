package mdev.console.bundle;

import java.nio.file.Path;
import org.apache.felix.service.command.Converter;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/**
 * Lets Felix's other commands ({@code headers}, {@code inspect}, {@code resolve}…) take a bundle by id or symbolic
 * name.
 */
@Component(property = Converter.CONVERTER_CLASSES + "=org.osgi.framework.Bundle")
public final class BundleConverter implements Converter {
    private final BundleNames names;

    @Activate
    public BundleConverter(BundleContext context) {
        this.names = new BundleNames(context);
    }

    @Override
    public @Nullable Object convert(Class<?> type, Object in) {
        return type == Bundle.class ? names.find(in.toString(), Path.of("")).orElse(null) : null;
    }

    @Override
    public @Nullable CharSequence format(Object target, int level, Converter escape) {
        return null;
    }
}
