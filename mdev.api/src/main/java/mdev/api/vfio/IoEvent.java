package mdev.api.vfio;

import java.util.OptionalLong;

/**
 * A write to a region for which an eventfd can stand ({@code struct kvm_ioeventfd}): a doorbell. Writes that precede
 * the vendor's receipt of the first one are merged into it.
 *
 * @param offset in the region in bytes, a multiple of {@code size}
 * @param size of the access in bytes: 1, 2, 4 or 8
 * @param datamatch the written value, zero-extended; a write of another value does not match. Empty if every value
 *     matches: the eventfd then stands for a write of 0
 */
public record IoEvent(long offset, int size, OptionalLong datamatch) {
    public IoEvent {
        if (size < 1 || size > Long.BYTES || Integer.bitCount(size) != 1 || offset < 0 || offset % size != 0) {
            throw new IllegalArgumentException(
                    "a write of %d bytes at %d: expected 1, 2, 4 or 8 bytes, aligned".formatted(size, offset));
        }
        if (size < Long.BYTES && datamatch.orElse(0) >>> (Byte.SIZE * size) != 0) {
            throw new IllegalArgumentException("the value %d exceeds %d bytes".formatted(datamatch.getAsLong(), size));
        }
    }

    /** A write of any value. */
    public IoEvent(long offset, int size) {
        this(offset, size, OptionalLong.empty());
    }
}
