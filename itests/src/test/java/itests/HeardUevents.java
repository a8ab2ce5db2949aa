package itests;

import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import mdev.api.Uevent;
import mdev.api.UeventListener;

/** The uevents received by a listener; they are delivered shortly after the changes that they report. */
final class HeardUevents implements UeventListener {
    private final List<Uevent> events = new CopyOnWriteArrayList<>();

    @Override
    public void uevent(Uevent event) {
        events.add(event);
    }

    /** The uevents received so far, in order. */
    List<Uevent> events() {
        return events;
    }

    /**
     * Call after registration: discards earlier events that may still be in delivery, for example from another test.
     */
    void begin(Tree tree) throws Exception {
        String mark = UUID.randomUUID().toString();
        tree.write("/sys/bus/mdev/uevent", "change " + mark);
        Wait.until(
                "all from before has come",
                () -> events.stream().anyMatch(event -> mark.equals(event.env().get("SYNTH_UUID"))));
        events.clear();
    }
}
