/*
 * files read|stat|write ROUNDS MILLISECONDS OURS PEER: calls for a file, as cat, ls and echo make them. read and write
 * include open() and close().
 */
#include "bench.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SAMPLES (1 << 20)

static void read_file(const char *path)
{
	char content[4096];
	int fd = open(path, O_RDONLY);

	check(fd >= 0 && read(fd, content, sizeof content) > 0, path);
	close(fd);
}

static void stat_file(const char *path)
{
	struct stat s;

	check(stat(path, &s) == 0, path);
}

static void write_file(const char *path)
{
	int fd = open(path, O_WRONLY);

	check(fd >= 0 && write(fd, "1", 1) == 1, path);
	close(fd);
}

int main(int argc, char **argv)
{
	static int64_t times[MOST_SAMPLES];

	check(argc == 6, "files read|stat|write ROUNDS MILLISECONDS OURS PEER");
	void (*call)(const char *) = *argv[1] == 'r' ? read_file : *argv[1] == 's' ? stat_file : write_file;
	for (int round = 0; round < atoi(argv[2]); round++) {
		for (int side = 0; side < 2; side++) {
			const char *path = argv[4 + side];
			int64_t from = now(), end = from + atol(argv[3]) * 1000000, at = from, next;
			long n = 0, done = 0;

			for (; at < end; at = next, done++) {
				call(path);
				next = now();
				if (n < MOST_SAMPLES)
					times[n++] = next - at;
			}
			print_side(times, n, done / ((at - from) / 1e9));
		}
		puts("");
		fflush(stdout);
	}
}
