package vfio.mdev.migration;

import java.lang.foreign.MemorySegment;
import mdev.linux.Fd;

/**
 * The memory behind a region of the device.
 *
 * @param region its index
 * @param file the memory as a file, which knows its holes
 * @param bytes the memory
 */
public record Memory(int region, Fd file, MemorySegment bytes) {}
