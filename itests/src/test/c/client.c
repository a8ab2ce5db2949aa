/*
 * client read|post|wake ROUNDS MILLISECONDS OURS... -- PEER...: a vfio-user client, the same for the platform and for
 * its peer. A round loads all sockets before "--" at once, with a thread each, for the given time; then those after it.
 *
 * read: REGION_READ of 4 bytes, one after the other. post: REGION_WRITE of 4 bytes without a reply, as fast as the
 * server takes them; the next REGION_READ shows when it has handled the last one. wake: the time from the moment at
 * which the device raises an interrupt until this process, which waits for its eventfd, runs.
 */
#include "bench.h"
#include "vfio_user.h"
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MOST_SAMPLES (1 << 20)
#define POSTED_AT_ONCE 256
#define MOST_CLIENTS 64

struct client {
	int socket, eventfd;
	uint16_t id;
	int64_t end;
	int64_t *times;
	long n, done;
};

static void (*work)(struct client *);
static pthread_barrier_t begin;
static int64_t duration;

static void send_message(struct client *c, struct access *m, int command, int flags, uint32_t size, const int *fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec from = { m, size };
	struct msghdr out = { .msg_iov = &from, .msg_iovlen = 1 };

	m->header = (struct header){ .id = ++c->id, .command = command, .size = size, .flags = flags };
	if (fd) {
		out.msg_control = control;
		out.msg_controllen = sizeof control;
		struct cmsghdr *rights = CMSG_FIRSTHDR(&out);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), fd, sizeof(int));
	}
	check(sendmsg(c->socket, &out, MSG_NOSIGNAL) == (ssize_t)size, "sendmsg");
}

/* Receives an answer of at least a size into m, which has room for more. */
static void receive(struct client *c, void *m, size_t least, size_t room)
{
	size_t got = 0;

	while (got < least) {
		struct iovec to = { (char *)m + got, room - got };
		struct msghdr in = { .msg_iov = &to, .msg_iovlen = 1 };
		ssize_t n = recvmsg(c->socket, &in, 0);

		check(n > 0, "recvmsg");
		got += n;
	}
	const struct header *h = m;
	if (h->error || h->id != c->id) {
		fprintf(stderr, "the answer to message %u has id %u, error %u\n", c->id, h->id, h->error);
		exit(1);
	}
}

static uint64_t region_read(struct client *c, uint64_t offset, uint32_t count)
{
	struct access m = { .offset = offset, .count = count };
	uint64_t value = 0;

	send_message(c, &m, REGION_READ, 0, ACCESS, NULL);
	receive(c, &m, ACCESS + count, sizeof m);
	memcpy(&value, m.data, count);
	return value;
}

static void region_write(struct client *c, int region, uint64_t offset, uint32_t count, uint32_t value, int flags)
{
	struct access m = { .offset = offset, .region = region, .count = count };

	memcpy(m.data, &value, count);
	send_message(c, &m, REGION_WRITE, flags, ACCESS + count, NULL);
	if (!(flags & NO_REPLY))
		receive(c, &m, ACCESS, sizeof m);
}

static void sample(struct client *c, int64_t time)
{
	if (c->n < MOST_SAMPLES)
		c->times[c->n++] = time;
}

static void read_registers(struct client *c)
{
	for (int64_t at = now(), next; at < c->end; at = next) {
		region_read(c, VALUE, 4);
		next = now();
		sample(c, next - at);
		c->done++;
	}
}

static void post_writes(struct client *c)
{
	while (now() < c->end) {
		for (int i = 0; i < POSTED_AT_ONCE; i++)
			region_write(c, 0, VALUE, 4, i, NO_REPLY);
		c->done += POSTED_AT_ONCE;
	}
	region_read(c, VALUE, 4);
}

static void await_interrupts(struct client *c)
{
	while (now() < c->end) {
		uint64_t count;

		region_write(c, 0, RAISE, 4, 1, NO_REPLY);
		check(read(c->eventfd, &count, sizeof count) == sizeof count, "read of the eventfd");
		int64_t woken = now();
		sample(c, woken - (int64_t)region_read(c, RAISED_AT, 8));
		c->done++;
	}
}

/* Arms vector 0 of MSI, as a driver and its hypervisor would. */
static void arm(struct client *c)
{
	uint32_t set[] = { 20, 0x24, 1, 0, 1 }; /* argsz; DATA_EVENTFD, ACTION_TRIGGER; MSI, start, count */
	struct access m;

	c->eventfd = eventfd(0, EFD_CLOEXEC);
	memcpy((char *)&m + HEADER, set, sizeof set);
	send_message(c, &m, SET_IRQS, 0, HEADER + sizeof set, &c->eventfd);
	receive(c, &m, HEADER, sizeof m);
	region_write(c, 7, 0x04, 2, 0x4, 0); /* COMMAND: bus master */
	region_write(c, 7, 0x42, 2, 0x1, 0); /* Message Control: MSI enable */
}

static void open_device(struct client *c, const char *path)
{
	struct sockaddr_un a = address(path);
	struct access m = { .offset = 0 };
	char answer[4096];

	c->socket = socket(AF_UNIX, SOCK_STREAM, 0);
	c->times = malloc(MOST_SAMPLES * sizeof *c->times);
	check(connect(c->socket, (struct sockaddr *)&a, sizeof a) == 0, path);
	memcpy((char *)&m + HEADER, "\0\0\0\0{}", 7); /* version 0.0, no capabilities */
	send_message(c, &m, VERSION, 0, HEADER + 7, NULL);
	receive(c, answer, HEADER, sizeof answer);
	if (work == await_interrupts)
		arm(c);
}

static void *run(void *argument)
{
	struct client *c = argument;

	c->n = c->done = 0;
	pthread_barrier_wait(&begin);
	c->end = now() + duration;
	work(c);
	return NULL;
}

static void round_of(struct client *clients, int count)
{
	static int64_t all[MOST_SAMPLES];
	pthread_t threads[MOST_CLIENTS];
	long n = 0, done = 0;

	pthread_barrier_init(&begin, NULL, count + 1);
	for (int i = 0; i < count; i++)
		check(pthread_create(&threads[i], NULL, run, &clients[i]) == 0, "pthread_create");
	pthread_barrier_wait(&begin);
	int64_t from = now();
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		done += clients[i].done;
	}
	double seconds = (now() - from) / 1e9;
	for (int i = 0; i < count; i++)
		for (long j = 0; j < clients[i].n && n < MOST_SAMPLES; j++)
			all[n++] = clients[i].times[j];
	print_side(all, n, done / seconds);
	pthread_barrier_destroy(&begin);
}

int main(int argc, char **argv)
{
	static struct client sides[2][MOST_CLIENTS];
	int counts[2] = { 0, 0 }, side = 0;

	check(argc > 6, "client read|post|wake ROUNDS MILLISECONDS OURS... -- PEER...");
	work = *argv[1] == 'r' ? read_registers : *argv[1] == 'p' ? post_writes : await_interrupts;
	duration = atol(argv[3]) * 1000000;
	for (int i = 4; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			side = 1;
		else
			open_device(&sides[side][counts[side]++], argv[i]);
	}
	for (int round = 0; round < atoi(argv[2]); round++) {
		round_of(sides[0], counts[0]);
		round_of(sides[1], counts[1]);
		puts("");
		fflush(stdout);
	}
}
