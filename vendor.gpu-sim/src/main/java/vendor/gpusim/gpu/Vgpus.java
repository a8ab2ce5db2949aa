package vendor.gpusim.gpu;

import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.UnknownNameException;
import org.osgi.service.component.annotations.Component;

/** The vGPUs of all GPUs, for the shell commands. Thread-safe. */
@Component(service = Vgpus.class)
public final class Vgpus {
    private final Map<UUID, Vgpu> all = new ConcurrentHashMap<>();

    /** Pairs with {@link #remove}. */
    void add(Vgpu vgpu) {
        all.put(vgpu.uuid(), vgpu);
    }

    void remove(Vgpu vgpu) {
        all.remove(vgpu.uuid());
    }

    /** @throws ErrnoException EINVAL: not a UUID; ENODEV: no such vGPU */
    public Vgpu find(String uuid) throws ErrnoException {
        Vgpu vgpu;
        try {
            vgpu = all.get(UUID.fromString(uuid));
        } catch (IllegalArgumentException e) {
            throw new ErrnoException(Errno.EINVAL, "'" + uuid + "' is not a UUID");
        }
        if (vgpu == null) {
            throw UnknownNameException.among(Errno.ENODEV, "no vGPU '" + uuid + "'", uuid, names());
        }
        return vgpu;
    }

    /** Their UUIDs, in order. */
    public Collection<String> names() {
        return all.keySet().stream().map(UUID::toString).sorted().toList();
    }
}
