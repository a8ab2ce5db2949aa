package mdev.core;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.sysfs.SysfsFile;
import mdev.core.slot.ForeignBundle;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Names;

/** {@code mdev_supported_types/<id>} ({@code mdev_sysfs.c}). */
public final class SupportedType extends Directory {
    private static final int UUID_LENGTH = 36;
    private static final Pattern UUID_FORM = Pattern.compile("\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12}");

    private final Parent parent;

    /** Replaced when the vendor is updated. */
    private volatile Draft draft;

    private final Directory devices;

    /** Called inside a change of the tree. */
    SupportedType(Parent parent, Directory holder, Draft draft) {
        super(holder, draft.id());
        this.parent = parent;
        this.draft = draft;
        this.devices = new Directory(this, "devices");
        add(devices);
    }

    /** A validated type. */
    record Draft(String id, MdevType type, String deviceApi, List<AttributeGroup> groups) {

        /**
         * @throws ErrnoException EINVAL: an invalid file name, or an attribute is missing or not readable; EEXIST: two
         *     types have the same name
         */
        static List<Draft> of(ParentDevice device, ForeignBundle owner, List<MdevType> types) throws ErrnoException {
            List<Draft> drafts = new ArrayList<>();
            Set<String> ids = new HashSet<>();
            for (MdevType type : types) {
                Names.check("a type of " + device.name(), type.group());
                String id = Names.check("a type of " + device.name(), device.className() + "-" + type.group());
                if (!ids.add(id)) {
                    throw new ErrnoException(Errno.EEXIST, device.name() + " has two types " + id);
                }
                Names.check(id, type.attributes(), new HashSet<>(Set.of("create", "devices")));
                String deviceApi = show(owner, id, mandatory(id, type, MdevType.DEVICE_API));
                requireNumber(id, show(owner, id, mandatory(id, type, MdevType.AVAILABLE_INSTANCES)));
                drafts.add(new Draft(id, type, deviceApi, List.of(new AttributeGroup("", type.attributes()))));
            }
            return drafts;
        }

        private static Attribute mandatory(String id, MdevType type, String name) throws ErrnoException {
            for (Attribute attribute : type.attributes()) {
                if (attribute.name().equals(name) && attribute.show() != null && (attribute.mode() & 0444) != 0) {
                    return attribute;
                }
            }
            throw new ErrnoException(Errno.EINVAL, "type " + id + " has no readable " + name);
        }

        private static String show(ForeignBundle owner, String id, Attribute attribute) throws ErrnoException {
            Attribute.Show show = Objects.requireNonNull(attribute.show(), "mandatory() has checked it");
            try {
                return owner.answer(id + "/" + attribute.name(), show::show).strip();
            } catch (ErrnoException e) {
                throw new ErrnoException(
                        Errno.EINVAL, "type " + id + ": " + attribute.name() + " cannot be read: " + e.getMessage());
            }
        }

        private static void requireNumber(String id, String available) throws ErrnoException {
            try {
                Integer.parseInt(available);
            } catch (NumberFormatException e) {
                throw new ErrnoException(
                        Errno.EINVAL, "type " + id + ": available_instances is not a number: " + available);
            }
        }
    }

    @Override
    protected void contents(Contents contents) {
        contents.file("create", this::create);
        parent.gate().describe(contents, () -> draft.groups());
    }

    /** {@code create_store()}: 36 characters, and optionally any one character after them. */
    private void create(String value, Supplier<String> requester) throws ErrnoException {
        if (value.length() != UUID_LENGTH && value.length() != UUID_LENGTH + 1) {
            throw new ErrnoException(Errno.EINVAL, "expected a UUID of 36 characters, not " + value.length());
        }
        String text = value.substring(0, UUID_LENGTH);
        if (!UUID_FORM.matcher(text).matches()) {
            throw new ErrnoException(Errno.EINVAL, "not a UUID like " + new UUID(0, 0));
        }
        MdevDevice.create(this, UUID.fromString(text), requester);
    }

    /** Replaces the vendor's half, inside a change of the tree. */
    void adopt(Draft changed) {
        redescribe(() -> draft = changed);
    }

    /** Notifies listeners that the number of available instances has changed. */
    void notifyInstances() {
        if (child(MdevType.AVAILABLE_INSTANCES) instanceof SysfsFile file) {
            parent.core().tree().notifyListeners(file);
        }
    }

    /** The devices of the type; changed inside a change of the tree. */
    Directory devices() {
        return devices;
    }

    public String id() {
        return name();
    }

    public Parent parent() {
        return parent;
    }

    public MdevType type() {
        return draft.type();
    }

    public String deviceApi() {
        return draft.deviceApi();
    }
}
