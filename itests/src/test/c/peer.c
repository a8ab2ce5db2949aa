/*
 * peer SOCKET: the least that a server can do for the benchmark's client. It answers messages of the same sizes as the
 * platform's with recvmsg() and sendmsg(), on a thread per connection, and checks nothing.
 */
#include "bench.h"
#include "vfio_user.h"
#include <pthread.h>
#include <unistd.h>

struct connection {
	int socket, eventfd;
	int64_t raised_at;
	size_t end, answered;
	unsigned char received[64 << 10], answers[128 << 10]; /* an answer is at most 4 bytes longer */
};

static void raise_interrupt(struct connection *c)
{
	uint64_t one = 1;

	for (int64_t end = now() + DELAY; now() < end;)
		;
	c->raised_at = now();
	check(write(c->eventfd, &one, sizeof one) == sizeof one, "write of the eventfd");
}

/* Adds the answer to a message. */
static void answer(struct connection *c, const struct access *m)
{
	struct access *a = (struct access *)(c->answers + c->answered);
	size_t size = HEADER;

	if (m->header.command == REGION_WRITE && m->offset == RAISE && m->region == 0)
		raise_interrupt(c);
	if (m->header.flags & NO_REPLY)
		return;
	if (m->header.command == VERSION)
		size = m->header.size;
	else if (m->header.command == REGION_READ)
		size = ACCESS + m->count;
	else if (m->header.command == REGION_WRITE)
		size = ACCESS;
	memcpy(a, m, size < m->header.size ? size : m->header.size);
	if (m->header.command == REGION_READ) {
		memset(a->data, 0, m->count);
		if (m->offset == RAISED_AT)
			memcpy(a->data, &c->raised_at, sizeof c->raised_at);
	}
	a->header.flags = REPLY;
	a->header.size = size;
	c->answered += size;
}

static void *serve(void *argument)
{
	struct connection *c = argument;
	char control[CMSG_SPACE(sizeof(int))];

	for (;;) {
		struct iovec to = { c->received + c->end, sizeof c->received - c->end };
		struct msghdr in = {
			.msg_iov = &to, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
		};
		ssize_t n = recvmsg(c->socket, &in, MSG_CMSG_CLOEXEC);

		if (n <= 0)
			break;
		if (in.msg_controllen)
			memcpy(&c->eventfd, CMSG_DATA(CMSG_FIRSTHDR(&in)), sizeof c->eventfd);
		c->end += n;
		size_t at = 0;
		for (const struct access *m; c->end - at >= HEADER; at += m->header.size) {
			m = (const struct access *)(c->received + at);
			if (c->end - at < m->header.size)
				break;
			answer(c, m);
		}
		memmove(c->received, c->received + at, c->end - at);
		c->end -= at;
		if (c->answered) {
			struct iovec from = { c->answers, c->answered };
			struct msghdr out = { .msg_iov = &from, .msg_iovlen = 1 };

			if (sendmsg(c->socket, &out, MSG_NOSIGNAL) != (ssize_t)c->answered)
				break;
			c->answered = 0;
		}
	}
	close(c->socket);
	free(c);
	return NULL;
}

int main(int argc, char **argv)
{
	check(argc == 2, "peer SOCKET");
	struct sockaddr_un a = address(argv[1]);
	int server = socket(AF_UNIX, SOCK_STREAM, 0);

	check(bind(server, (struct sockaddr *)&a, sizeof a) == 0, argv[1]);
	check(listen(server, 64) == 0, "listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct connection *c = calloc(1, sizeof *c);
		pthread_t thread;

		c->socket = accept(server, NULL, NULL);
		check(c->socket >= 0, "accept");
		check(pthread_create(&thread, NULL, serve, c) == 0, "pthread_create");
		pthread_detach(thread);
	}
}
