/*
 * One session with PostgreSQL: opened, prepared and asked against a deadline, never blocking beyond
 * it (name resolution apart: that is why opening belongs to the pool's own thread).
 */
#ifndef JOBSTATUS_CONNECTION_H
#define JOBSTATUS_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "compat.h"
#include "failure.h"
#include "host.h"
#include "row.h"

struct connection;

struct connection_options {
	struct host_list *hosts;
	const char *schema;
	enum compat compat;
	bool authorize;  /* a job is shown to whom `readers` names alone */
	bool prepare;    /* prepared statements, settings once per session */
	bool several;    /* several jobs will be asked for at once, if that can be */
	int64_t timeout; /* statement_timeout, and what one attempt to open may take; nanoseconds */
};

/* Takes one row; returns 0, or 1 to be given no more. */
typedef int connection_row(void *context, const struct row *row);

/* Whether libpq can read DATABASE. */
bool connection_valid_database(const char *database);

/*
 * Opens a session with the host of index WHICH, or with DIAL_ANY with one that answers, and
 * prepares the statements; *CANCEL, when it turns true, ends the attempt.  NULL: *FAILURE says why.
 */
struct connection *connection_open(const struct connection_options *options, size_t which,
    int64_t deadline, const atomic_bool *cancel, struct failure *failure);
void connection_close(struct connection *connection);

/* The index of its host; and what libpq calls that: a name or directory, and a port. */
size_t connection_host(const struct connection *connection);
void connection_place(const struct connection *connection, const char **host, const char **port);

/*
 * Ends the session from another thread than the one that uses it, which finds it lost.  Does
 * nothing where there is but one host to go to.
 */
void connection_cut(const struct connection *connection);

/* Whether the session can run STATEMENT: several jobs are not always to be asked for. */
bool connection_fits(const struct connection *connection, enum statement statement);

/*
 * Runs STATEMENT with PARAMETERS, of which the principal is used where access is controlled, and
 * gives every row to TAKE, which answers 0, or 1 to be given no more.  Returns 0 when all rows were
 * taken, 1 when TAKE wanted no more, or -1 with *FAILURE set: failure_keeps_session() tells whether
 * the session is of further use.
 */
int connection_read(struct connection *connection, enum statement statement,
    const struct row_text parameters[static PARAMETERS], int64_t deadline, connection_row *take,
    void *context, struct failure *failure);

#endif
