/*
 * onefile DIRECTORY: a file system of libfuse 3 with one file, "value", by its low-level API and its loop with several
 * threads. As in the platform's tree, the kernel caches names and attributes but not the content.
 */
#define FUSE_USE_VERSION 34
#include "bench.h"
#include <fuse_lowlevel.h>
#include <sys/stat.h>

#define FILE_INODE 2
#define CACHED 3600.0

static struct stat attributes(fuse_ino_t inode)
{
	struct stat s = { .st_ino = inode, .st_nlink = 1, .st_mode = S_IFREG | 0644, .st_size = 4096 };

	if (inode == FUSE_ROOT_ID)
		s.st_mode = S_IFDIR | 0755;
	return s;
}

static void look_up(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .ino = FILE_INODE, .attr_timeout = CACHED, .entry_timeout = CACHED };

	entry.attr = attributes(FILE_INODE);
	if (parent != FUSE_ROOT_ID || strcmp(name, "value") != 0)
		fuse_reply_err(request, ENOENT);
	else
		fuse_reply_entry(request, &entry);
}

static void get_attributes(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	struct stat s = attributes(inode);

	(void)file;
	fuse_reply_attr(request, &s, CACHED);
}

static void open_file(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	(void)inode;
	file->direct_io = 1;
	fuse_reply_open(request, file);
}

static void read_file(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *file)
{
	(void)inode;
	(void)size;
	(void)file;
	fuse_reply_buf(request, "1\n", offset == 0 ? 2 : 0);
}

static void write_file(fuse_req_t request, fuse_ino_t inode, const char *data, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	(void)inode;
	(void)data;
	(void)offset;
	(void)file;
	fuse_reply_write(request, size);
}

int main(int argc, char **argv)
{
	static const struct fuse_lowlevel_ops operations = {
		.lookup = look_up,
		.getattr = get_attributes,
		.open = open_file,
		.read = read_file,
		.write = write_file,
	};
	struct fuse_args none = FUSE_ARGS_INIT(1, argv);
	struct fuse_loop_config threads = { .clone_fd = 0, .max_idle_threads = 10 };

	check(argc == 2, "onefile DIRECTORY");
	struct fuse_session *session = fuse_session_new(&none, &operations, sizeof operations, NULL);
	check(session && fuse_set_signal_handlers(session) == 0, "fuse_session_new");
	check(fuse_session_mount(session, argv[1]) == 0, argv[1]);
	puts("ready");
	fflush(stdout);
	int status = fuse_session_loop_mt(session, &threads);
	fuse_session_unmount(session);
	return status != 0;
}
