package mdev.core.sysfs;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import org.jspecify.annotations.Nullable;

/** Validates names and attributes that bundles pass, before any entry is created. */
public final class Names {
    private static final int LONGEST = 255;

    private Names() {}

    /**
     * Checks that a name is a valid file name.
     *
     * @return the name
     * @throws ErrnoException EINVAL
     */
    public static String check(String what, @Nullable String name) throws ErrnoException {
        if (name == null || name.isEmpty()) {
            throw new ErrnoException(Errno.EINVAL, "the name of " + what + " is empty");
        }
        boolean bad = name.equals(".") || name.equals("..") || name.indexOf('/') >= 0 || name.indexOf('\0') >= 0;
        if (bad || name.length() > LONGEST) {
            throw new ErrnoException(Errno.EINVAL, "the name of " + what + " is not a valid file name: " + name);
        }
        return name;
    }

    /**
     * Checks the attributes for one directory.
     *
     * @param taken the names already in the directory; the names of the attributes are added
     * @throws ErrnoException EINVAL: an invalid file name, or too many attributes; EEXIST: a name occurs twice
     */
    public static void check(String what, List<Attribute> attributes, Set<String> taken) throws ErrnoException {
        for (Attribute attribute : attributes) {
            take(what, check("an attribute of " + what, attribute.name()), taken);
        }
    }

    /** As {@link #check(String, List, Set)}, for groups of attributes. */
    public static void groups(String what, List<AttributeGroup> groups, Set<String> taken) throws ErrnoException {
        for (AttributeGroup group : groups) {
            if ("".equals(group.name())) {
                check(what, group.attributes(), taken);
            } else {
                take(what, check("a group of " + what, group.name()), taken);
                check(what + "/" + group.name(), group.attributes(), new HashSet<>());
            }
        }
    }

    private static void take(String what, String name, Set<String> taken) throws ErrnoException {
        if (!taken.add(name)) {
            throw new ErrnoException(Errno.EEXIST, what + " has two entries named " + name);
        }
        if (taken.size() >= Contents.PLACES) {
            throw new ErrnoException(Errno.EINVAL, what + " has more than " + Contents.PLACES + " attributes");
        }
    }
}
