package mdev.api;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * A uevent ({@code lib/kobject_uevent.c}).
 *
 * @param action add, remove, change, bind, unbind
 * @param devpath the path below {@code /sys}
 * @param env all keys in the kernel's order, from ACTION to SEQNUM
 */
public record Uevent(String action, String devpath, SequencedMap<String, String> env) {
    /** The EventAdmin topic; the event's properties are the keys of {@link #env}. */
    public static final String TOPIC = "mdev/uevent";

    public Uevent {
        env = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(env));
    }
}
