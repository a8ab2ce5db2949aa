package mdev.linux;

/**
 * What {@code statx(2)} tells about an open file.
 *
 * @param type what it is
 * @param size in bytes, for a regular file
 * @param blocks how much of it is there, in units of 512 bytes; less than the size where it has holes
 * @param device the file system; with {@code inode} it identifies the file, however many descriptors lead to it
 * @param inode the file's number there
 */
public record FileStatus(FileType type, long size, long blocks, long device, long inode) {}
