/*
 * The pool.  `down` is what the last look at the database said: set when opening fails while no
 * other connection lives, or when a session gave no byte until the deadline; cleared when opening
 * succeeds. While it is down, opening is tried at growing intervals, and requests get their refusal
 * at once.
 */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "metrics.h"

#define BACKOFF_FIRST (50 * CLOCK_MILLISECOND)
#define BACKOFF_LAST (500 * CLOCK_MILLISECOND)
#define TERMINATED_MAX 5 /* sessions in a row that were ended while they were opened */

struct slot {
	struct connection *connection;
	int64_t opened;
};

struct pool {
	const struct connection_options *options;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* to requests: something was put back, opened or refused */
	pthread_cond_t wanted;  /* to the opener */
	pthread_t opener;
	atomic_bool stop;
	unsigned int limit, open, waiting;
	unsigned int idle;  /* slots[0 .. idle): at rest, newest last */
	struct slot *slots; /* limit of them: at rest, then in use */
	uint64_t opened;    /* so far */
	int64_t stale;      /* what was opened before is not used again */
	bool down, opening;
	int64_t opening_since;
	int64_t not_before; /* the next attempt to open */
	int64_t backoff;
	unsigned int seed;
	struct failure failure; /* of the last attempt */
};

static void
wait_until(struct pool *pool, pthread_cond_t *condition, int64_t until)
{
	struct timespec ts = { .tv_sec = until / CLOCK_SECOND, .tv_nsec = until % CLOCK_SECOND };

	pthread_cond_timedwait(condition, &pool->lock, &ts);
}

/* The next attempt to open waits for the back-off, with jitter, and the one after it for longer. */
static void
back_off(struct pool *pool)
{
	int64_t jitter = pool->backoff / 4 * (rand_r(&pool->seed) % 1000) / 1000;

	pool->not_before = clock_now() + pool->backoff - jitter;
	pool->backoff = pool->backoff * 2 < BACKOFF_LAST ? pool->backoff * 2 : BACKOFF_LAST;
}

static struct slot *
slot_in_use(struct pool *pool, const struct connection *connection)
{
	unsigned int i = pool->idle;

	while (i < pool->open && pool->slots[i].connection != connection)
		i++;
	return i < pool->open ? &pool->slots[i] : NULL;
}

/* Exchanges two slots. */
static void
swap(struct slot *a, struct slot *b)
{
	struct slot c = *a;

	*a = *b;
	*b = c;
}

/* Takes SLOT, which is in use, out of the pool. */
static void
forget(struct pool *pool, struct slot *slot)
{
	pool->open--;
	swap(slot, &pool->slots[pool->open]);
}

/* To those who watch, after each change of the two. */
static void
show(const struct pool *pool)
{
	metrics_set(METRICS_SESSIONS, pool->open);
	metrics_set(METRICS_SESSIONS_IDLE, pool->idle);
}

static void
opened(struct pool *pool, struct connection *connection, const struct failure *failure)
{
	if (connection == NULL) {
		metrics_happened(METRICS_CONNECT_FAILED);
		pool->failure = *failure;
		back_off(pool);
		if (pool->open == 0)
			pool->down = true;
		return;
	}
	pool->slots[pool->open].connection = connection;
	pool->slots[pool->open].opened = pool->opening_since;
	swap(&pool->slots[pool->open++], &pool->slots[pool->idle++]);
	pool->opened++;
	metrics_happened(METRICS_SESSION_OPENED);
	show(pool);
	pool->down = false;
	pool->failure.kind = FAILURE_NONE;
	pool->backoff = BACKOFF_FIRST;
}

/* Whether the server ended a session while it was opened, before it was one or just after: another
 * may well live. */
static bool
was_terminated(const struct failure *failure)
{
	return failure->kind == FAILURE_LOST || strcmp(failure->sqlstate, "57P01") == 0;
}

/* Opens one connection, without the lock. */
static void
open_one(struct pool *pool)
{
	struct connection *connection;
	struct failure failure;
	int tries = 0;

	pool->opening = true;
	pool->opening_since = clock_now();
	pthread_mutex_unlock(&pool->lock);
	do
		connection = connection_open(
		    pool->options, clock_now() + pool->options->timeout, &pool->stop, &failure);
	while (connection == NULL && was_terminated(&failure) && ++tries < TERMINATED_MAX);
	pthread_mutex_lock(&pool->lock);
	pool->opening = false;
	opened(pool, connection, &failure);
	pthread_cond_broadcast(&pool->changed);
}

static void *
run_opener(void *context)
{
	struct pool *pool = context;

	pthread_mutex_lock(&pool->lock);
	while (!atomic_load(&pool->stop)) {
		if (pool->waiting <= pool->idle || pool->open >= pool->limit)
			pthread_cond_wait(&pool->wanted, &pool->lock);
		else if (clock_now() < pool->not_before)
			wait_until(pool, &pool->wanted, pool->not_before);
		else
			open_one(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct pool *
pool_open(const struct connection_options *options, unsigned int limit)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	pthread_condattr_t monotonic;

	if (pool == NULL || (pool->slots = calloc(limit, sizeof(*pool->slots))) == NULL) {
		free(pool);
		return NULL;
	}
	pool->options = options;
	pool->limit = limit;
	pool->backoff = BACKOFF_FIRST;
	pool->seed = (unsigned int)clock_now();
	atomic_init(&pool->stop, false);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->changed, &monotonic);
	pthread_cond_init(&pool->wanted, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&pool->opener, NULL, run_opener, pool) != 0) {
		free(pool->slots);
		free(pool);
		return NULL;
	}
	return pool;
}

void
pool_close(struct pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->stop, true);
	pthread_cond_signal(&pool->wanted);
	pthread_mutex_unlock(&pool->lock);
	pthread_join(pool->opener, NULL);
	for (unsigned int i = 0; i < pool->open; i++)
		connection_close(pool->slots[i].connection);
	pthread_cond_destroy(&pool->changed);
	pthread_cond_destroy(&pool->wanted);
	pthread_mutex_destroy(&pool->lock);
	free(pool->slots);
	free(pool);
}

/* Until when a request may wait now; 0: not at all. */
static int64_t
patience(const struct pool *pool, int64_t deadline)
{
	int64_t now = clock_now(), until = deadline;

	if (pool->down && !pool->opening && now < pool->not_before)
		return 0;
	if (pool->down)
		until = (pool->opening ? pool->opening_since : now) + POOL_PATIENCE;
	if (until > deadline)
		until = deadline;
	return now < until ? until : 0;
}

struct connection *
pool_take(struct pool *pool, int64_t deadline, struct failure *failure)
{
	struct connection *connection = NULL;
	int64_t until;

	pthread_mutex_lock(&pool->lock);
	while (pool->idle == 0 && (until = patience(pool, deadline)) != 0) {
		pool->waiting++;
		pthread_cond_signal(&pool->wanted);
		wait_until(pool, &pool->changed, until);
		pool->waiting--;
	}
	if (pool->idle > 0) {
		connection = pool->slots[--pool->idle].connection;
		show(pool);
	} else if (pool->failure.kind != FAILURE_NONE) {
		*failure = pool->failure;
	} else {
		*failure = (struct failure){ .kind = FAILURE_TIMEOUT,
			.text = "no connection within the deadline" };
	}
	pthread_mutex_unlock(&pool->lock);
	return connection;
}

uint64_t
pool_opened(struct pool *pool)
{
	uint64_t opened;

	pthread_mutex_lock(&pool->lock);
	opened = pool->opened;
	pthread_mutex_unlock(&pool->lock);
	return opened;
}

void
pool_put(struct pool *pool, struct connection *connection)
{
	struct slot *slot;
	bool keep = false;

	pthread_mutex_lock(&pool->lock);
	slot = slot_in_use(pool, connection);
	if (slot != NULL) {
		keep = slot->opened >= pool->stale;
		if (keep)
			swap(slot, &pool->slots[pool->idle++]);
		else
			forget(pool, slot);
	}
	show(pool);
	if (pool->waiting > 0)
		pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	if (!keep)
		connection_close(connection);
}

void
pool_put_failed(
    struct pool *pool, struct connection *connection, const struct failure *failure, bool again)
{
	struct slot *slot;

	pthread_mutex_lock(&pool->lock);
	slot = slot_in_use(pool, connection);
	if (slot != NULL)
		forget(pool, slot);
	if (failure->kind != FAILURE_SLOW && slot != NULL && slot->opened >= pool->stale) {
		pool->stale = clock_now();
		while (pool->idle > 0) {
			struct slot *last = &pool->slots[--pool->idle];

			connection_close(last->connection);
			forget(pool, last);
		}
	}
	if (failure->kind == FAILURE_TIMEOUT) {
		pool->failure = *failure;
		pool->down = true;
	}
	if (again)
		back_off(pool);
	show(pool);
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	connection_close(connection);
}
