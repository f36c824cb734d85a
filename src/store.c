/*
 * Reading a job's status.  A read that loses its session goes on with a fresh one while its
 * deadline lasts; what the database's state is, and that it changed, is logged here and nowhere
 * else: one line for an outage, however many reads meet it and whatever it says to each.
 */
#include "store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "host.h"
#include "log.h"
#include "metrics.h"
#include "pool.h"

#define SHOWN(text) (int)((text).length < 300 ? (text).length : 300), (text).bytes

struct store {
	struct connection_options options;
	struct host_list hosts;
	struct pool *pool;
	atomic_bool takes_several;
	pthread_mutex_t lock; /* of what is below */
	size_t host;          /* that gave the last session */
	struct failure state; /* what the last look said, of kind FAILURE_NONE if all was well */
	int64_t changed;      /* when that changed last */
};

/* What is asked, of which job, and how many rows have come. */
struct question {
	enum statement statement;
	const struct row_text *parameters;
	const struct store_reader *reader;
	uint64_t rows;
};

struct store *
store_open(const struct config *config, bool several)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return NULL;
	store->options = (struct connection_options){ .hosts = &store->hosts,
		.schema = config->schema,
		.compat = config->compat,
		.authorize = config->authorize != NULL,
		.prepare = config->prepare,
		.several = several,
		.timeout = config->timeout };
	pthread_mutex_init(&store->lock, NULL);
	if (host_list_open(&store->hosts, config->database) == 0)
		store->pool = pool_open(&store->options, config->threads);
	if (store->pool == NULL) {
		store_close(store);
		return NULL;
	}
	return store;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	pool_close(store->pool);
	host_list_close(&store->hosts);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

/* The server is away, in one of the ways in which that shows. */
static bool
is_away(enum failure_kind kind)
{
	return kind == FAILURE_LOST || kind == FAILURE_TIMEOUT || kind == FAILURE_CONNECT;
}

static bool
same_state(const struct failure *a, const struct failure *b)
{
	if (is_away(a->kind) && is_away(b->kind))
		return true;
	return a->kind == b->kind && strcmp(a->sqlstate, b->sqlstate) == 0;
}

/* That the database answers again, or does not any more. */
static void
tell(const struct failure *failure)
{
	static const struct log_pair up[] = { { "event", "database" }, { "state", "up" },
		{ "msg", "it answers again" } };
	const struct log_pair down[] = { { "event", "database" }, { "state", "down" },
		{ "cause", failure_cause(failure) },
		{ "sqlstate", *failure->sqlstate != '\0' ? failure->sqlstate : NULL },
		{ "msg", failure->text } };

	if (failure->kind == FAILURE_NONE)
		log_pairs(LOG_LEVEL_INFO, up, sizeof(up) / sizeof(up[0]));
	else
		log_pairs(LOG_LEVEL_ERROR, down, sizeof(down) / sizeof(down[0]));
}

/*
 * One line when the state of the database changes.  A read that BEGAN before the last change may
 * tell of what was before, and says nothing.
 */
static void
note(struct store *store, const struct failure *failure, int64_t began)
{
	bool changed;

	pthread_mutex_lock(&store->lock);
	changed = began >= store->changed && !same_state(&store->state, failure);
	if (changed) {
		store->state = *failure;
		store->changed = clock_now();
		metrics_set(METRICS_DATABASE_DOWN, failure->kind != FAILURE_NONE);
	}
	pthread_mutex_unlock(&store->lock);
	if (changed)
		tell(failure);
}

/* One line when another host is asked than before, the first one being taken for granted. */
static void
note_host(struct store *store, const struct connection *connection)
{
	struct log_pair moved[] = { { "event", "database" }, { "state", "moved" }, { "host", NULL },
		{ "port", NULL }, { "msg", "another host answers" } };
	size_t host = connection_host(connection);
	bool changed;

	pthread_mutex_lock(&store->lock);
	changed = host != store->host;
	store->host = host;
	pthread_mutex_unlock(&store->lock);
	if (!changed)
		return;
	connection_place(connection, &moved[2].value, &moved[3].value);
	log_pairs(LOG_LEVEL_INFO, moved, sizeof(moved) / sizeof(moved[0]));
}

static int
count_row(void *context, const struct row *row)
{
	struct question *question = context;

	question->rows++;
	return question->reader->row(question->reader->context, row);
}

/* One attempt.  Returns connection_read()'s answer; the connection is back in the pool. */
static int
attempt(struct store *store, struct question *question, int64_t deadline, bool again,
    struct failure *failure)
{
	struct connection *connection = pool_take(store->pool, deadline, failure);
	int outcome;

	if (connection == NULL) {
		if (failure->kind == FAILURE_LOST) /* while it was opened: it is not tried again */
			failure->kind = FAILURE_CONNECT;
		return -1;
	}
	if (store->hosts.count > 1)
		note_host(store, connection);
	atomic_store(&store->takes_several, connection_fits(connection, STATEMENT_REVISIONS));
	question->rows = 0;
	question->reader->begin(question->reader->context, pool_opened(store->pool));
	outcome = 1; /* as if the reader had wanted no more */
	if (connection_fits(connection, question->statement))
		outcome = connection_read(connection, question->statement, question->parameters,
		    deadline, count_row, question, failure);
	if (outcome >= 0 || failure_keeps_session(failure->kind)) {
		pool_put(store->pool, connection);
		return outcome;
	}
	if (failure->kind == FAILURE_LOST)
		metrics_happened(METRICS_SESSION_LOST);
	pool_put_failed(store->pool, connection, failure, again);
	return outcome;
}

bool
store_takes_several(struct store *store)
{
	return atomic_load(&store->takes_several);
}

enum store_result
store_read(struct store *store, enum statement statement,
    const struct row_text parameters[static PARAMETERS], int64_t deadline,
    const struct store_reader *reader)
{
	struct question question = { statement, parameters, reader, 0 };
	struct failure failure = { .kind = FAILURE_NONE };
	int64_t began = clock_now();
	int outcome = attempt(store, &question, deadline, false, &failure);

	if (outcome < 0 && failure.kind == FAILURE_CHANGED) /* once: it may just be missing */
		outcome = attempt(store, &question, deadline, false, &failure);
	while (outcome < 0 && failure.kind == FAILURE_LOST && clock_now() < deadline) {
		log_debug("database: the session was lost, trying a fresh one: %s", failure.text);
		outcome = attempt(store, &question, deadline, true, &failure);
	}
	if (outcome < 0 && failure.kind != FAILURE_DATA && failure.kind != FAILURE_FOREIGN) {
		note(store, &failure, began);
		return STORE_UNAVAILABLE;
	}
	note(store, &(const struct failure){ .kind = FAILURE_NONE }, began);
	if (outcome < 0 && failure.kind == FAILURE_FOREIGN)
		return STORE_ABSENT;
	if (outcome < 0 && statement == STATEMENT_REVISIONS)
		return STORE_BROKEN;
	if (outcome < 0) {
		log_error("job \"%.*s\" of workspace \"%.*s\": %s (SQLSTATE %s)",
		    SHOWN(parameters[PARAMETER_NAME]), SHOWN(parameters[PARAMETER_WORKSPACE]),
		    failure.text, failure.sqlstate);
		return STORE_BROKEN;
	}
	if (outcome > 0)
		return STORE_STOPPED;
	return question.rows > 0 ? STORE_OK : STORE_ABSENT;
}

static void
begin_look(void *context, uint64_t epoch)
{
	(void)context;
	(void)epoch;
}

static int
ignore_row(void *context, const struct row *row)
{
	(void)context;
	(void)row;
	return 0;
}

bool
store_look(struct store *store, int64_t deadline, char *reason, size_t size)
{
	static const struct row_text nobody[PARAMETERS] = { { ".", 1 }, { ".", 1 }, { ".", 1 } };
	const struct store_reader reader = { begin_look, ignore_row, NULL };
	struct failure state;

	if (store_read(store, STATEMENT_STATUS, nobody, deadline, &reader) != STORE_UNAVAILABLE)
		return true;
	pthread_mutex_lock(&store->lock);
	state = store->state;
	pthread_mutex_unlock(&store->lock);
	failure_reason(&state, reason, size);
	return false;
}
