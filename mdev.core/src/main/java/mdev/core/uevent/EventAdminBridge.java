package mdev.core.uevent;

import mdev.api.Uevent;
import mdev.api.UeventListener;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventAdmin;

/** Passes uevents on to EventAdmin, if there is one: nothing of ours depends on it. */
@Component
public final class EventAdminBridge implements UeventListener {
    private final EventAdmin admin;

    @Activate
    public EventAdminBridge(@Reference EventAdmin admin) {
        this.admin = admin;
    }

    /** Posted, so that a slow handler holds nobody up; EventAdmin keeps the order of what one thread posts. */
    @Override
    public void uevent(Uevent event) {
        admin.postEvent(new Event(Uevent.TOPIC, event.env()));
    }
}
