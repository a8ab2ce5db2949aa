/* The messages of vfio-user that the benchmark's client and its peer exchange. */
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { VERSION = 1, SET_IRQS = 8, REGION_READ = 9, REGION_WRITE = 10 };
enum { REPLY = 1, NO_REPLY = 0x10 };

struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

struct access {
	struct header header;
	uint64_t offset;
	uint32_t region, count;
	unsigned char data[8];
};

#define HEADER sizeof(struct header)
#define ACCESS 32u

/* The registers in BAR 0 of the benchmark's card (itests.bench.inside.BenchCard). */
enum { VALUE = 0, RAISE = 4, RAISED_AT = 8 };

/* How long after the write of RAISE the interrupt is raised: until then its receiver sleeps. */
#define DELAY 50000

static inline struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strncpy(a.sun_path, path, sizeof a.sun_path - 1);
	return a;
}
