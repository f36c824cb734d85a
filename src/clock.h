/*
 * Deadlines: nanoseconds of the monotonic clock, which no change of the time of day moves.
 */
#ifndef JOBSTATUS_CLOCK_H
#define JOBSTATUS_CLOCK_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND 1000000000LL
#define CLOCK_MILLISECOND 1000000LL

static inline int64_t
clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * CLOCK_SECOND + ts.tv_nsec;
}

/* The milliseconds until DEADLINE for poll(2), rounded up; 0 when it has passed. */
static inline int
clock_poll_timeout(int64_t deadline)
{
	int64_t left = deadline - clock_now();

	if (left <= 0)
		return 0;
	left = (left + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND;
	return left < INT_MAX ? (int)left : INT_MAX;
}

#endif
