package mdev.linux;

/**
 * The status of an open file, from {@code statx(2)}.
 *
 * @param type the file type
 * @param size in bytes, for a regular file
 * @param blocks the allocated size in units of 512 bytes; less than the size if the file has holes
 * @param device the file system; with {@code inode} it identifies the file, whatever descriptor refers to it
 * @param inode the inode number in that file system
 */
public record FileStatus(FileType type, long size, long blocks, long device, long inode) {}
