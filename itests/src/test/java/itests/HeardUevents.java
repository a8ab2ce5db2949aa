package itests;

import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import mdev.api.Uevent;
import mdev.api.UeventListener;

/** The uevents that a listener hears, which are delivered a moment after what they tell of. */
final class HeardUevents implements UeventListener {
    private final List<Uevent> events = new CopyOnWriteArrayList<>();

    @Override
    public void uevent(Uevent event) {
        events.add(event);
    }

    /** Those so far, in their order. */
    List<Uevent> events() {
        return events;
    }

    /** Once registered: forgets what was emitted before, which may be on its way still, for example of another test. */
    void begin(Tree tree) throws Exception {
        String mark = UUID.randomUUID().toString();
        tree.write("/sys/bus/mdev/uevent", "change " + mark);
        Wait.until(
                "all from before has come",
                () -> events.stream().anyMatch(event -> mark.equals(event.env().get("SYNTH_UUID"))));
        events.clear();
    }
}
