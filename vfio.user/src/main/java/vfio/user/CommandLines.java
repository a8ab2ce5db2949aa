package vfio.user;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import mdev.api.vfio.VfioPci;
import org.jspecify.annotations.Nullable;

/** The hypervisor options that attach a device; a statement that there are none for a device that is not PCI. */
final class CommandLines {
    private CommandLines() {}

    static SequencedMap<String, @Nullable Object> of(Path socket, String deviceApi) {
        SequencedMap<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("socket", socket.toString());
        if (!deviceApi.equals(VfioPci.DEVICE_API)) {
            fields.put("qemu", "cannot attach a " + deviceApi + " device: it has only vfio-user-pci");
            return fields;
        }
        String device = "{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"%s\"}}"
                .formatted(json(socket.toString()));
        fields.put("qemu", "-device '" + device.replace("'", "'\\''") + "'");
        // Guest memory must be shared, otherwise devices need a message for each access.
        fields.put(
                "qemu_memory",
                "-machine memory-backend=mem -object memory-backend-memfd,id=mem,size=1G,share=on -m 1G");
        fields.put("libvirt", """
                <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
                  <qemu:arg value='-device'/>
                  <qemu:arg value='%s'/>
                </qemu:commandline>""".formatted(xml(device)));
        fields.put("libvirt_memory", "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>");
        return fields;
    }

    private static String json(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"");
    }

    private static String xml(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;");
    }
}
