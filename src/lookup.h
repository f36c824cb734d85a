/*
 * Lookups of jobs' revisions, which go together: while one is under way others wait for its end,
 * and all that wait are then asked for at once.
 */
#ifndef JOBSTATUS_LOOKUP_H
#define JOBSTATUS_LOOKUP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cache.h"
#include "tag.h"

#define LOOKUP_MAX 64 /* that go together */

/* One question, and its answer. */
struct lookup {
	struct cache_key job;      /* its bytes are borrowed */
	struct row_text principal; /* who asks, where access is controlled; borrowed */
	int64_t deadline;
	int64_t waited; /* nanoseconds for the database, so far */
	void *owner;    /* the caller's, to know it by */
	int status;     /* 0: not answered; 200, 404, 500 or 503 */
	bool tagged;    /* of 200: the job has a revision, so TAG */
	struct tag tag;
	uint64_t epoch; /* see store.h */
	STAILQ_ENTRY(lookup) next;
};

struct lookup_queue {
	pthread_mutex_t lock;
	STAILQ_HEAD(lookups, lookup) waiting;
	unsigned int under_way; /* groups */
	int64_t sent;           /* when the last of them was taken */
};

void lookup_queue_open(struct lookup_queue *queue);
void lookup_queue_close(struct lookup_queue *queue);

/* Lets LOOKUP wait.  Who calls this calls lookup_take() next. */
void lookup_wait(struct lookup_queue *queue, struct lookup *lookup);

/*
 * Takes those that wait, the first ones first, to be asked for by the caller, who calls
 * lookup_done() after that and then this again.  Returns how many; 0: none waits, or all go on
 * waiting for others.
 */
size_t lookup_take(struct lookup_queue *queue, struct lookup *taken[LOOKUP_MAX]);
void lookup_done(struct lookup_queue *queue);

/*
 * For how many milliseconds a thread may sleep before it calls lookup_take() again, since those
 * that wait do so for no longer; -1: for ever, none waits.
 */
int lookup_patience(struct lookup_queue *queue);

#endif
