/*
 * The pool.  `down` is what the last look at the database said: set when opening fails while no
 * other connection lives, or when a session gave no byte until the deadline; cleared when opening
 * succeeds. While it is down, opening is tried at growing intervals, and requests get their refusal
 * at once.
 *
 * With several hosts all sessions are of one, so that no client sees now the one and now the other,
 * and the opener looks after two things.  A better host that was away is looked at until it
 * answers; then its sessions take over.  And where a request has waited for a while, its host is
 * looked at: if it says nothing, its sessions are cut, and their reads go on with the next host.
 */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dial.h"
#include "metrics.h"
#include "roster.h"

#define BACKOFF_FIRST (50 * CLOCK_MILLISECOND)
#define BACKOFF_LAST (500 * CLOCK_MILLISECOND)
#define TERMINATED_MAX 5           /* sessions in a row that were ended while they were opened */
#define LOOK_INTERVAL CLOCK_SECOND /* between two looks at a host */
#define LOOK_SILENCE CLOCK_SECOND  /* of a session in use, before its host is looked at */
#define LOOK_GRANULE (CLOCK_SECOND / 4) /* between any two looks, and how late one may be */
#define LOOK_MAX (2 * DIAL_PATIENCE)    /* for one, but for the name of its host */
#define NEVER INT64_MAX

struct pool {
	const struct connection_options *options;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* to requests: something was put back, opened or refused */
	pthread_cond_t wanted;  /* to the opener */
	pthread_t opener;
	atomic_bool stop;
	struct roster sessions;
	unsigned int waiting;
	uint64_t opened; /* so far */
	size_t host;     /* of the last that was opened */
	int64_t look_not_before;
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

/* To those who watch, after each change of the two. */
static void
show(const struct pool *pool)
{
	metrics_set(METRICS_SESSIONS, pool->sessions.open);
	metrics_set(METRICS_SESSIONS_IDLE, pool->sessions.idle);
}

static void
opened(struct pool *pool, struct connection *connection)
{
	roster_add(&pool->sessions, connection, pool->opening_since);
	pool->host = connection_host(connection);
	pool->opened++;
	metrics_happened(METRICS_SESSION_OPENED);
	show(pool);
	pool->down = false;
	pool->failure.kind = FAILURE_NONE;
	pool->backoff = BACKOFF_FIRST;
}

static void
not_opened(struct pool *pool, const struct failure *failure)
{
	metrics_happened(METRICS_CONNECT_FAILED);
	pool->failure = *failure;
	back_off(pool);
	if (pool->sessions.open == 0)
		pool->down = true;
}

/* Whether the server ended a session while it was opened, before it was one or just after: another
 * may well live. */
static bool
was_terminated(const struct failure *failure)
{
	return failure->kind == FAILURE_LOST || strcmp(failure->sqlstate, "57P01") == 0;
}

/* Connects without the lock, to one host of them or to any, within TIMEOUT. */
static struct connection *
connect_to(struct pool *pool, size_t which, int64_t timeout, struct failure *failure)
{
	struct connection *connection;
	int tries = 0;

	pool->opening = true;
	pool->opening_since = clock_now();
	pthread_mutex_unlock(&pool->lock);
	do
		connection = connection_open(
		    pool->options, which, clock_now() + timeout, &pool->stop, failure);
	while (connection == NULL && was_terminated(failure) && ++tries < TERMINATED_MAX);
	pthread_mutex_lock(&pool->lock);
	pool->opening = false;
	return connection;
}

/* Our host has been tried, and if it says nothing its sessions never will. */
static void
leave_if_silent(struct pool *pool)
{
	const struct host_list *hosts = pool->options->hosts;

	if (hosts->count == 1 || hosts->hosts[pool->host].state != HOST_SILENT)
		return;
	roster_retire(&pool->sessions, clock_now());
	roster_cut(&pool->sessions);
}

/* Opens one more with the host of the others, or the first with any. */
static void
open_one(struct pool *pool)
{
	bool more = roster_is_alive(&pool->sessions);
	struct connection *connection;
	struct failure failure;

	connection =
	    connect_to(pool, more ? pool->host : DIAL_ANY, pool->options->timeout, &failure);
	if (connection == NULL && more && failure.kind == FAILURE_TIMEOUT)
		leave_if_silent(pool);
	if (connection != NULL)
		opened(pool, connection);
	else if (!more || roster_is_alive(&pool->sessions))
		not_opened(pool, &failure);
	/* else the others are gone meanwhile, and another host may answer */
	pthread_cond_broadcast(&pool->changed);
}

/* When a host is to be looked at, and which. */
static int64_t
next_look(const struct pool *pool, size_t *which)
{
	const struct host *hosts = pool->options->hosts->hosts;
	int64_t next = NEVER, first;

	if (pool->options->hosts->count == 1 || !roster_is_alive(&pool->sessions))
		return NEVER;
	first = roster_first_taken(&pool->sessions);
	if (first != INT64_MAX)
		next = first + LOOK_SILENCE;
	if (next < hosts[pool->host].tried + LOOK_INTERVAL)
		next = hosts[pool->host].tried + LOOK_INTERVAL;
	*which = pool->host;
	for (size_t i = 0; i < pool->host; i++) {
		if (host_is_good(&hosts[i]) || hosts[i].tried + LOOK_INTERVAL >= next)
			continue;
		next = hosts[i].tried + LOOK_INTERVAL;
		*which = i;
	}
	return next > pool->look_not_before ? next : pool->look_not_before;
}

static void
look(struct pool *pool, size_t which)
{
	struct connection *connection;
	struct failure failure;
	int64_t timeout = pool->options->timeout, took;

	connection = connect_to(pool, which, timeout < LOOK_MAX ? timeout : LOOK_MAX, &failure);
	/* A name that takes long to resolve must not keep others from their sessions. */
	took = clock_now() - pool->opening_since;
	pool->look_not_before = clock_now() + (took > 2 * LOOK_MAX ? 10 * took : LOOK_GRANULE);
	if (connection == NULL && which == pool->host)
		leave_if_silent(pool);
	if (connection == NULL)
		return;
	if (which < pool->host)
		roster_retire(&pool->sessions, pool->opening_since);
	if (pool->sessions.open < pool->sessions.limit)
		opened(pool, connection);
	else
		connection_close(connection);
	pthread_cond_broadcast(&pool->changed);
}

static void *
run_opener(void *context)
{
	struct pool *pool = context;
	bool several = pool->options->hosts->count > 1;
	size_t which = 0;

	pthread_mutex_lock(&pool->lock);
	while (!atomic_load(&pool->stop)) {
		int64_t now = clock_now(), wait = several ? now + LOOK_GRANULE : NEVER;
		bool wanted = pool->waiting > pool->sessions.idle &&
		    pool->sessions.open < pool->sessions.limit;

		if (wanted && now >= pool->not_before)
			open_one(pool);
		else if (now >= next_look(pool, &which))
			look(pool, which);
		else
			wait_until(pool, &pool->wanted,
			    wanted && pool->not_before < wait ? pool->not_before : wait);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct pool *
pool_open(const struct connection_options *options, unsigned int limit)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	pthread_condattr_t monotonic;

	if (pool == NULL || roster_open(&pool->sessions, limit) != 0) {
		free(pool);
		return NULL;
	}
	pool->options = options;
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
		roster_close(&pool->sessions);
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
	roster_close(&pool->sessions);
	pthread_cond_destroy(&pool->changed);
	pthread_cond_destroy(&pool->wanted);
	pthread_mutex_destroy(&pool->lock);
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
	struct connection *connection;
	int64_t until;

	pthread_mutex_lock(&pool->lock);
	while (pool->sessions.idle == 0 && (until = patience(pool, deadline)) != 0) {
		pool->waiting++;
		pthread_cond_signal(&pool->wanted);
		wait_until(pool, &pool->changed, until);
		pool->waiting--;
	}
	connection = roster_take(&pool->sessions);
	if (connection != NULL) {
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
	bool kept;

	pthread_mutex_lock(&pool->lock);
	kept = roster_put(&pool->sessions, connection);
	show(pool);
	if (pool->waiting > 0)
		pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	if (!kept)
		connection_close(connection);
}

void
pool_put_failed(
    struct pool *pool, struct connection *connection, const struct failure *failure, bool again)
{
	pthread_mutex_lock(&pool->lock);
	if (roster_drop(&pool->sessions, connection) && failure->kind != FAILURE_SLOW)
		roster_retire(&pool->sessions, clock_now());
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
