package mdev.core.sysfs;

import java.util.ArrayList;
import java.util.List;
import mdev.api.sysfs.SysfsLink;

/** A symbolic link to a directory of the tree. */
public final class Link extends TreeNode implements SysfsLink {
    private final Directory destination;

    Link(Directory holder, String name, Directory destination, long ino) {
        super(holder, name, 0777, ino);
        this.destination = destination;
    }

    /** The directory itself, whether or not it is still in the tree. */
    public Directory destination() {
        return destination;
    }

    /** Up to the nearest common directory and down again, as {@code kernfs_get_target_path()}. */
    @Override
    public String target() {
        List<Directory> from = way(holder());
        List<Directory> to = way(destination);
        int common = 0;
        while (common < Math.min(from.size(), to.size()) && from.get(common).equals(to.get(common))) {
            common++;
        }
        List<String> steps = new ArrayList<>();
        for (int i = common; i < from.size(); i++) {
            steps.add("..");
        }
        for (Directory down : to.subList(common, to.size())) {
            steps.add(down.name());
        }
        return String.join("/", steps);
    }

    private static List<Directory> way(Directory to) {
        List<Directory> way = new ArrayList<>();
        for (Directory here = to; !here.holder().equals(here); here = here.holder()) {
            way.addFirst(here);
        }
        return way;
    }

    @Override
    public String toString() {
        return path() + " -> " + target();
    }
}
