/* What the programs of the benchmark share. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline void check(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static inline int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* One side of a round, as Side.java reads it: median and 99th percentile in ns, and operations per second. */
static inline void print_side(int64_t *times, long n, double rate)
{
	qsort(times, n, sizeof *times, by_value);
	printf("%lld %lld %.1f ", n ? (long long)times[n / 2] : 0LL, n ? (long long)times[n * 99 / 100] : 0LL, rate);
}
