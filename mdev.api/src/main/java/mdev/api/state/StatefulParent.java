package mdev.api.state;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Implemented by a {@link mdev.api.ParentOps} whose settings, such as the values of its writable attributes, survive an
 * update of its driver. An update calls {@link #saveSettings} on the old object, and {@link #restoreSettings} on the
 * object that the new version registers in its place, before its devices are restored. No other call of the parent runs
 * meanwhile.
 */
@ConsumerType
public interface StatefulParent {
    DeviceState saveSettings() throws ErrnoException;

    /**
     * Sets what {@link #saveSettings} has returned, perhaps in an older version of the driver. Called by the thread
     * that registers the parent.
     *
     * @throws ErrnoException EINVAL: this version of the driver cannot read the settings; the update goes back
     */
    void restoreSettings(DeviceState settings) throws ErrnoException;
}
