package mdev.core.shell;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.Supplier;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.UnknownNameException;
import mdev.core.MdevCore;
import mdev.core.MdevDevice;
import mdev.core.Parent;
import mdev.core.SupportedType;
import org.jspecify.annotations.Nullable;

/** Finds objects by the names that the user typed, and completes those names. */
final class Named {
    private final MdevCore core;

    Named(MdevCore core) {
        this.core = core;
    }

    Parent parent(String name) throws ErrnoException {
        return find("parent '%s'", name, core.parents(), Parent::name);
    }

    SupportedType type(Parent parent, String id) throws ErrnoException {
        return find("type '%s' on " + parent.name(), id, parent.types(), SupportedType::id);
    }

    MdevDevice device(String uuid) throws ErrnoException {
        return find("device '%s'", uuid.toLowerCase(Locale.ROOT), core.devices(), MdevDevice::name);
    }

    private static <T> T find(String what, String name, Collection<T> all, Function<T, String> nameOf)
            throws ErrnoException {
        for (T one : all) {
            if (nameOf.apply(one).equals(name)) {
                return one;
            }
        }
        throw UnknownNameException.among(
                Errno.ENODEV,
                "no " + what.replace("%s", name),
                name,
                all.stream().map(nameOf).toList());
    }

    Candidates parents() {
        return offer(() -> core.parents().stream().map(Parent::name).toList());
    }

    /** The types of the parent named by the previous word. */
    Candidates types() {
        return (words, prefix) -> words.isEmpty()
                ? List.of()
                : core.parents().stream()
                        .filter(parent -> parent.name().equals(words.getLast()))
                        .flatMap(parent -> parent.types().stream())
                        .map(SupportedType::id)
                        .filter(id -> id.startsWith(prefix))
                        .toList();
    }

    Candidates devices() {
        return offer(() -> core.devices().stream().map(MdevDevice::name).toList());
    }

    static Candidates offer(Supplier<Collection<String>> names) {
        return (_, prefix) -> names.get().stream()
                .filter(name -> name.startsWith(prefix))
                .sorted()
                .toList();
    }

    static @Nullable Object orNull(OptionalInt number) {
        return number.isPresent() ? (Object) number.getAsInt() : null;
    }

    static @Nullable Object orNull(Optional<?> value) {
        return value.isPresent() ? value.get() : null;
    }
}
