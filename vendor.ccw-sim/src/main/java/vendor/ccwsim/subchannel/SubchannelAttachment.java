package vendor.ccwsim.subchannel;

import vendor.ccwsim.channel.CcwDevice;
import vendor.ccwsim.device.Console3215;
import vendor.ccwsim.device.FbaDisk;
import vendor.ccwsim.device.Medium;
import vendor.ccwsim.device.MemoryMedium;

/** Creates the device behind a subchannel. */
@FunctionalInterface
public interface SubchannelAttachment {
    SubchannelAttachment CONSOLE = Console3215::new;

    /** A disk in memory, which is zero-filled for each mediated device. */
    static SubchannelAttachment disk(int mebibytes) {
        return _ -> new FbaDisk(new MemoryMedium(mebibytes << 20));
    }

    /** A disk on a medium, which outlives it. */
    static SubchannelAttachment disk(Medium medium) {
        return _ -> new FbaDisk(medium);
    }

    /** @param attention called when {@link CcwDevice#attention()} has become true */
    CcwDevice attach(Runnable attention);
}
