package mdev.core;

import java.util.List;
import java.util.Optional;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.state.StatefulParent;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceOps;
import mdev.core.slot.ForeignBundle;
import org.jspecify.annotations.Nullable;

/** The calls of a vendor's {@link ParentOps}; exceptions and invalid results become errnos. */
final class VendorOps<D extends DeviceOps> {
    private final ForeignBundle owner;
    private final String parent;
    private final ParentOps<D> ops;

    VendorOps(ForeignBundle owner, String parent, ParentOps<D> ops) {
        this.owner = owner;
        this.parent = parent;
        this.ops = ops;
    }

    List<MdevType> supportedTypes() throws ErrnoException {
        return listed("supportedTypes", ops::supportedTypes);
    }

    List<AttributeGroup> deviceAttributeGroups() throws ErrnoException {
        return listed("deviceAttributeGroups", ops::deviceAttributeGroups);
    }

    /** A missing list at registration is an invalid argument, as in the kernel. */
    private <T> List<T> listed(String what, ForeignBundle.Call<@Nullable List<T>> call) throws ErrnoException {
        List<T> list = owner.call(parent + ": " + what, call);
        if (list == null) {
            throw new ErrnoException(Errno.EINVAL, parent + ": " + what + " returned null");
        }
        return owner.answer(parent + ": " + what, () -> List.copyOf(list));
    }

    /** Empty for a parent without settings. */
    Optional<DeviceState> saveSettings() throws ErrnoException {
        return ops instanceof StatefulParent stateful
                ? Optional.of(owner.answer(parent + ": saveSettings", stateful::saveSettings))
                : Optional.empty();
    }

    /** A version without settings leaves those of the old one out. */
    void restoreSettings(DeviceState settings) throws ErrnoException {
        if (ops instanceof StatefulParent stateful) {
            owner.run(parent + ": restoreSettings", () -> stateful.restoreSettings(settings));
        }
    }

    /** Pairs with {@link Instance#remove}. */
    Instance<D> create(Mdev mdev) throws ErrnoException {
        return new Instance<>(this, owner.answer(parent + ": create", () -> ops.create(mdev)));
    }

    /** The vendor's half of a device. */
    record Instance<D extends DeviceOps>(VendorOps<D> vendor, D device) {
        List<AttributeGroup> attributeGroups() throws ErrnoException {
            return vendor.owner.answer(
                    vendor.parent + ": mdevAttributeGroups", () -> List.copyOf(vendor.ops.mdevAttributeGroups(device)));
        }

        void mayRemove() throws ErrnoException {
            vendor.owner.run(vendor.parent + ": mayRemove", () -> vendor.ops.mayRemove(device));
        }

        /**
         * Empty for a device without state.
         *
         * @param stopped whether it is stopped already
         */
        Optional<DeviceState> stopAndSave(boolean stopped) throws ErrnoException {
            if (!(device instanceof StatefulDevice stateful)) {
                return Optional.empty();
            }
            if (!stopped) {
                vendor.owner.run(vendor.parent + ": stop", stateful::stop);
            }
            return Optional.of(vendor.owner.answer(vendor.parent + ": save", stateful::save));
        }

        /**
         * Returns the state that the device then has.
         *
         * @throws ErrnoException EINVAL: the device has no state; else as for {@link StatefulDevice#restore}
         */
        DeviceState restore(DeviceState state) throws ErrnoException {
            if (!(device instanceof StatefulDevice stateful)) {
                throw new ErrnoException(Errno.EINVAL, vendor.parent + ": this version cannot restore a state");
            }
            vendor.owner.run(vendor.parent + ": restore", () -> stateful.restore(state));
            return vendor.owner.answer(vendor.parent + ": save", stateful::save);
        }

        void resume() throws ErrnoException {
            if (device instanceof StatefulDevice stateful) {
                vendor.owner.run(vendor.parent + ": resume", stateful::resume);
            }
        }

        void remove() throws ErrnoException {
            vendor.owner.run(vendor.parent + ": remove", () -> vendor.ops.remove(device));
        }
    }
}
