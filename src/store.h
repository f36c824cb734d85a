/*
 * Reading a job's status or revision from the database: a statement, tried again where a fresh
 * session may answer, within the request's deadline.
 */
#ifndef JOBSTATUS_STORE_H
#define JOBSTATUS_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "row.h"

struct config;
struct store;

/* Where the rows of one read go; both are called from store_read() alone. */
struct store_reader {
	/* A first or another attempt: forget all rows.  EPOCH is how many sessions were opened so
	 * far, this attempt's own too. */
	void (*begin)(void *context, uint64_t epoch);
	int (*row)(void *context, const struct row *row); /* 0, or 1 to be given no more */
	void *context;
};

enum store_result {
	STORE_OK,          /* all rows were given */
	STORE_ABSENT,      /* there is no such job */
	STORE_STOPPED,     /* the reader wanted no more */
	STORE_BROKEN,      /* rows cannot be read as what they should be; logged, if of one job */
	STORE_UNAVAILABLE, /* the database is away, too slow or refuses; logged once */
};

/* Connects to nothing yet.  CONFIG is borrowed; SEVERAL jobs may be asked for at once, which each
 * session is prepared for.  NULL: no memory. */
struct store *store_open(const struct config *config, bool several);
void store_close(struct store *store);

/* Whether the last session that was used can be asked for several jobs at once. */
bool store_takes_several(struct store *store);

/*
 * Reads a job that is nobody's, by DEADLINE, as a request would.  Returns whether the database
 * answers; if not, REASON (SIZE bytes) says why, in our words.
 */
bool store_look(struct store *store, int64_t deadline, char *reason, size_t size);

/* Runs STATEMENT with PARAMETERS; DEADLINE is of clock_now(). */
enum store_result store_read(struct store *store, enum statement statement,
    const struct row_text parameters[static PARAMETERS], int64_t deadline,
    const struct store_reader *reader);

#endif
