package mdev.core.device;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.core.sync.Gate;
import mdev.core.sysfs.Contents;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bundle that something belongs to: {@code struct module *owner}. Its code is called through here, so that whatever it throws becomes an errno and
 * one log line with its name.
 *
 * @param symbolicName the bundle's symbolic name
 * @param version the bundle's version
 * @param bundleId the bundle's id in the framework
 */
public record Owner(String symbolicName, String version, long bundleId) {
    private static final Logger log = LoggerFactory.getLogger(Owner.class);

    /** A call that answers. */
    @FunctionalInterface
    public interface Call<T extends @Nullable Object> {
        T call() throws ErrnoException;
    }

    /** A call that does not answer. */
    @FunctionalInterface
    public interface Run {
        void run() throws ErrnoException;
    }

    /** @throws ErrnoException what the bundle threw; EIO: it threw something else */
    public <T extends @Nullable Object> T call(String what, Call<T> call) throws ErrnoException {
        try {
            return call.call();
        } catch (ErrnoException e) {
            throw e;
        } catch (Throwable e) {
            throw fault(what, e);
        }
    }

    /** As {@link #call}. */
    public void run(String what, Run run) throws ErrnoException {
        try {
            run.run();
        } catch (ErrnoException e) {
            throw e;
        } catch (Throwable e) {
            throw fault(what, e);
        }
    }

    /** An attribute of the bundle, called only while the gate is open. */
    public Attribute guard(Attribute attribute, Gate gate) {
        Attribute.Show show = attribute.show();
        Attribute.Store store = attribute.store();
        return new Attribute(
                attribute.name(),
                attribute.mode(),
                show == null ? null : () -> inside(gate, attribute, show::show),
                store == null
                        ? null
                        : value -> inside(gate, attribute, () -> {
                            store.store(value);
                            return value;
                        }));
    }

    /** Groups of attributes of the bundle. */
    public void describe(Contents contents, List<AttributeGroup> groups, Gate gate) {
        for (AttributeGroup group : groups) {
            contents.group(new AttributeGroup(
                    group.name(),
                    group.attributes().stream()
                            .map(attribute -> guard(attribute, gate))
                            .toList()));
        }
    }

    private <T extends @Nullable Object> T inside(Gate gate, Attribute attribute, Call<T> access)
            throws ErrnoException {
        String what = "attribute " + attribute.name();
        if (!gate.tryEnter(what)) {
            throw new ErrnoException(Errno.ENODEV, "the owner of " + attribute.name() + " is going");
        }
        try {
            return call(what, access);
        } finally {
            gate.exit(what);
        }
    }

    /** The bundle broke its contract: logged under its name. */
    public ErrnoException fault(String what, Throwable cause) {
        log.error("{}: {} failed", symbolicName, what, cause);
        return new ErrnoException(Errno.EIO, symbolicName + ": " + what + " failed: " + cause);
    }

    /** As {@link #fault(String, Throwable)}, for an answer that must not be. */
    public ErrnoException fault(String what) {
        log.error("{}: {}", symbolicName, what);
        return new ErrnoException(Errno.EIO, symbolicName + ": " + what);
    }
}
