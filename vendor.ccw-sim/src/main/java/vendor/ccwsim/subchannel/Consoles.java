package vendor.ccwsim.subchannel;

import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.UnknownNameException;
import org.osgi.service.component.annotations.Component;

/** The operators of the consoles behind all subchannels, by the UUIDs of their mediated devices. Thread-safe. */
@Component(service = Consoles.class)
public final class Consoles {
    private final Map<UUID, Operator> all = new ConcurrentHashMap<>();

    /** Pairs with {@link #remove}. */
    void add(UUID uuid, Operator operator) {
        all.put(uuid, operator);
    }

    void remove(UUID uuid) {
        all.remove(uuid);
    }

    /** @throws ErrnoException EINVAL: not a UUID; ENODEV: no such console */
    public Operator find(String uuid) throws ErrnoException {
        Operator operator;
        try {
            operator = all.get(UUID.fromString(uuid));
        } catch (IllegalArgumentException e) {
            throw new ErrnoException(Errno.EINVAL, "'" + uuid + "' is not a UUID");
        }
        if (operator == null) {
            throw UnknownNameException.among(Errno.ENODEV, "no console '" + uuid + "'", uuid, names());
        }
        return operator;
    }

    /** Their UUIDs, in order. */
    public Collection<String> names() {
        return all.keySet().stream().map(UUID::toString).sorted().toList();
    }
}
