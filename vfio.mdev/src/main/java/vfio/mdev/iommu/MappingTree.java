package vfio.mdev.iommu;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The mappings of an address space by address, without overlap: an immutable AVL tree. A change copies the path to the
 * root, so a lookup needs no lock and sees the latest published tree as a whole. Lookup, insertion and removal take
 * O(log n); a lookup allocates nothing.
 *
 * <p>Addresses are unsigned, and ranges are given by their first and last byte, so that the last page of the address
 * space needs no special case.
 */
final class MappingTree {
    static final MappingTree EMPTY = new MappingTree(null, 0, 0);

    /** A bulk change of more than 1/BULK of the tree rebuilds the tree. */
    private static final int BULK = 16;

    private final @Nullable Node root;
    private final int count;
    private final long bytes;

    private MappingTree(@Nullable Node root, int count, long bytes) {
        this.root = root;
        this.count = count;
        this.bytes = bytes;
    }

    int count() {
        return count;
    }

    /** The size of all mappings; wraps at 2^64. */
    long bytes() {
        return bytes;
    }

    /** The mapping that contains an address. */
    @Nullable
    DmaMapping find(long iova) {
        for (Node node = root; node != null; ) {
            if (Long.compareUnsigned(iova, node.first) < 0) {
                node = node.left;
            } else if (Long.compareUnsigned(iova, node.last) > 0) {
                node = node.right;
            } else {
                return node.mapping;
            }
        }
        return null;
    }

    /** The lowest mapping that begins in the range. */
    @Nullable
    DmaMapping beginningIn(long first, long last) {
        DmaMapping lowest = null;
        for (Node node = root; node != null; ) {
            if (Long.compareUnsigned(node.first, first) >= 0) {
                lowest = node.mapping;
                node = node.left;
            } else {
                node = node.right;
            }
        }
        return lowest != null && Long.compareUnsigned(lowest.first(), last) <= 0 ? lowest : null;
    }

    /** The lowest mapping that overlaps the range. */
    @Nullable
    DmaMapping overlapping(long first, long last) {
        DmaMapping at = find(first);
        return at != null ? at : beginningIn(first, last);
    }

    /** @param mapping must not overlap the tree */
    MappingTree with(DmaMapping mapping) {
        return new MappingTree(insert(root, mapping), count + 1, bytes + mapping.size());
    }

    /** @param mapping must be in the tree */
    MappingTree without(DmaMapping mapping) {
        return new MappingTree(remove(root, mapping), count - 1, bytes - mapping.size());
    }

    /**
     * The tree after a bulk change.
     *
     * @param gone mappings of the tree, in order
     * @param added must not overlap the remaining mappings
     */
    MappingTree replace(List<DmaMapping> gone, List<DmaMapping> added) {
        MappingTree tree = gone.size() > count / BULK ? rebuiltWithout(gone) : this;
        if (tree == this) {
            for (DmaMapping mapping : gone) {
                tree = tree.without(mapping);
            }
        }
        for (DmaMapping mapping : added) {
            tree = tree.with(mapping);
        }
        return tree;
    }

    /** Takes O(n); single removals would take O(n log n) and copy as many paths. */
    private MappingTree rebuiltWithout(List<DmaMapping> gone) {
        List<DmaMapping> left = new ArrayList<>(count - gone.size());
        long[] leftBytes = {bytes};
        Iterator<DmaMapping> goes = gone.iterator();
        DmaMapping[] next = {goes.next()};
        forEach(mapping -> {
            if (mapping == next[0]) {
                leftBytes[0] -= mapping.size();
                next[0] = goes.hasNext() ? goes.next() : mapping;
            } else {
                left.add(mapping);
            }
        });
        return new MappingTree(build(left, 0, left.size()), left.size(), leftBytes[0]);
    }

    private static @Nullable Node build(List<DmaMapping> sorted, int from, int to) {
        if (from == to) {
            return null;
        }
        int middle = (from + to) >>> 1;
        return new Node(sorted.get(middle), build(sorted, from, middle), build(sorted, middle + 1, to));
    }

    /** All mappings, in order. */
    void forEach(Consumer<DmaMapping> action) {
        forEach(root, action);
    }

    private static void forEach(@Nullable Node node, Consumer<DmaMapping> action) {
        if (node != null) {
            forEach(node.left, action);
            action.accept(node.mapping);
            forEach(node.right, action);
        }
    }

    private static Node insert(@Nullable Node node, DmaMapping mapping) {
        if (node == null) {
            return new Node(mapping, null, null);
        }
        return Long.compareUnsigned(mapping.first(), node.mapping.first()) < 0
                ? balanced(node.mapping, insert(node.left, mapping), node.right)
                : balanced(node.mapping, node.left, insert(node.right, mapping));
    }

    private static @Nullable Node remove(@Nullable Node node, DmaMapping mapping) {
        if (node == null) {
            throw new IllegalArgumentException("not in the tree: " + mapping);
        }
        int side = Long.compareUnsigned(mapping.first(), node.mapping.first());
        if (side < 0) {
            return balanced(node.mapping, remove(node.left, mapping), node.right);
        }
        if (side > 0) {
            return balanced(node.mapping, node.left, remove(node.right, mapping));
        }
        if (node.left == null || node.right == null) {
            return node.left == null ? node.right : node.left;
        }
        DmaMapping successor = lowest(node.right);
        return balanced(successor, node.left, remove(node.right, successor));
    }

    private static DmaMapping lowest(Node node) {
        Node lowest = node;
        while (lowest.left != null) {
            lowest = lowest.left;
        }
        return lowest.mapping;
    }

    /** A node over two subtrees whose heights differ by two at most, rotated so that they differ by one at most. */
    private static Node balanced(DmaMapping mapping, @Nullable Node left, @Nullable Node right) {
        if (left != null && height(left) > height(right) + 1) {
            Node inner = left.right;
            return inner == null || height(left.left) >= height(inner)
                    ? new Node(left.mapping, left.left, new Node(mapping, inner, right))
                    : new Node(
                            inner.mapping,
                            new Node(left.mapping, left.left, inner.left),
                            new Node(mapping, inner.right, right));
        }
        if (right != null && height(right) > height(left) + 1) {
            Node inner = right.left;
            return inner == null || height(right.right) >= height(inner)
                    ? new Node(right.mapping, new Node(mapping, left, inner), right.right)
                    : new Node(
                            inner.mapping,
                            new Node(mapping, left, inner.left),
                            new Node(right.mapping, inner.right, right.right));
        }
        return new Node(mapping, left, right);
    }

    private static int height(@Nullable Node node) {
        return node == null ? 0 : node.height;
    }

    /** The height of the tree, for tests: at most 1.44 log2(n). */
    int height() {
        return height(root);
    }

    private static final class Node {
        final DmaMapping mapping;

        /** Copied from the mapping, so that a lookup does not dereference it at each level. */
        final long first;

        final long last;
        final @Nullable Node left;
        final @Nullable Node right;
        final int height;

        Node(DmaMapping mapping, @Nullable Node left, @Nullable Node right) {
            this.mapping = mapping;
            this.first = mapping.first();
            this.last = mapping.last();
            this.left = left;
            this.right = right;
            this.height = Math.max(MappingTree.height(left), MappingTree.height(right)) + 1;
        }
    }
}
