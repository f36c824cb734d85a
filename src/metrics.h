/*
 * What is counted, of this process or of all that share a file: requests, times, sizes, the
 * database's sessions, threads.  Everything may be called from any thread; nothing fails.
 */
#ifndef JOBSTATUS_METRICS_H
#define JOBSTATUS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_STATUSES 9
#define METRICS_TIMES 16 /* bounds of a histogram of times */
#define METRICS_SIZES 9  /* and of sizes */
#define METRICS_BOUNDS_MAX METRICS_TIMES

enum metrics_event {
	METRICS_SESSION_OPENED,
	METRICS_CONNECT_FAILED,
	METRICS_SESSION_LOST,
	METRICS_CACHE_USED, /* a document was sent from the cache */
	METRICS_EVENTS
};

enum metrics_histogram {
	METRICS_REQUEST_TIME,  /* nanoseconds */
	METRICS_DATABASE_TIME, /* nanoseconds */
	METRICS_DOCUMENT_SIZE, /* bytes */
	METRICS_HISTOGRAMS
};

/* What is so now, of one process. */
enum metrics_gauge {
	METRICS_THREADS,
	METRICS_THREADS_BUSY,
	METRICS_SESSIONS,
	METRICS_SESSIONS_IDLE,
	METRICS_DATABASE_DOWN, /* 1: the last look at it said so */
	METRICS_GAUGES
};

struct metrics_counts {
	uint64_t within[METRICS_BOUNDS_MAX +
	    1]; /* one bound and above the one before; the last: above all */
	uint64_t sum;
};

/* All at one moment, but for what happens meanwhile. */
struct metrics {
	uint64_t requests[METRICS_STATUSES];
	uint64_t events[METRICS_EVENTS];
	struct metrics_counts histograms[METRICS_HISTOGRAMS];
	uint64_t gauges[METRICS_GAUGES]; /* summed over the processes that live */
	uint64_t processes;
};

/* The statuses that requests are counted by; one that is not among them counts as the last. */
extern const int metrics_statuses[METRICS_STATUSES];
/* The bounds of the histograms, each included. */
extern const uint64_t metrics_time_bounds[METRICS_TIMES], metrics_size_bounds[METRICS_SIZES];

/*
 * Counts from now on in the file PATH, together with all processes that do.  It is made if it is
 * not there, and replaced if another version of the program has made it.  Returns 0; or -1 with a
 * line in ERROR (SIZE bytes), and this process goes on counting by itself.
 */
int metrics_open(const char *path, char *error, size_t size);
void metrics_close(void);

void metrics_request(int status);
void metrics_observe(enum metrics_histogram histogram, uint64_t value);
void metrics_happened(enum metrics_event event);
void metrics_set(enum metrics_gauge gauge, uint64_t value);
void metrics_add(enum metrics_gauge gauge, int change);

void metrics_read(struct metrics *metrics);

#endif
