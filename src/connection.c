/*
 * One session with PostgreSQL, on libpq's asynchronous calls and poll(2): PQconnectPoll() knows no
 * timeout and PQexec() waits for ever, so every wait here is ours.
 */
#include "connection.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "clock.h"
#include "command.h"
#include "dial.h"
#include "statement.h"

#define BINARY 1
#define TEXT_OID 25
#define UNTRANSLATABLE "22P05" /* SQLSTATE: a character that an encoding has not */

struct connection {
	PGconn *pg;
	size_t host;
	int line;                /* the socket's second descriptor, for connection_cut(); or -1 */
	char *texts[STATEMENTS]; /* when they are not prepared */
	bool fits[STATEMENTS];
	int parameters;   /* that the statements have */
	char timeout[24]; /* statement_timeout in milliseconds */
	bool columns_known[STATEMENTS];
	struct statement_columns columns[STATEMENTS];
};

static const char *const prepared_names[STATEMENTS] = {
	[STATEMENT_STATUS] = "jobstatus_read",
	[STATEMENT_REVISION] = "jobstatus_revision",
	[STATEMENT_REVISIONS] = "jobstatus_revisions",
};

static const int formats[PARAMETERS] = { BINARY, BINARY, BINARY };
static const Oid types[PARAMETERS] = { TEXT_OID, TEXT_OID, TEXT_OID };

/* Ends a pipeline: what is left is its synchronisation point. */
static int
end_pipeline(struct connection *c, int64_t deadline, struct failure *failure)
{
	PGresult *result;
	ExecStatusType status;

	do {
		if (command_result(c->pg, deadline, &result, failure) != 0)
			return -1;
		status = PQresultStatus(result);
		PQclear(result);
	} while (status != PGRES_PIPELINE_SYNC && PQstatus(c->pg) == CONNECTION_OK);
	if (!PQexitPipelineMode(c->pg))
		return failure_set(failure, FAILURE_LOST, PQerrorMessage(c->pg));
	return 0;
}

static void
free_texts(struct connection *c)
{
	for (int i = 0; i < STATEMENTS; i++) {
		free(c->texts[i]);
		c->texts[i] = NULL;
	}
}

/* Prepares all statements in one round trip, and forgets their texts. */
static int
prepare(struct connection *c, int64_t deadline, struct failure *failure)
{
	int sent = PQenterPipelineMode(c->pg);
	PGresult *result;

	for (int i = 0; i < STATEMENTS; i++)
		if (c->fits[i])
			sent =
			    sent && PQsendPrepare(c->pg, prepared_names[i], c->texts[i], 0, NULL);
	sent = sent && PQpipelineSync(c->pg);
	for (int i = 0; i < STATEMENTS; i++) {
		if (!c->fits[i])
			continue;
		if (command_finish(c->pg, sent, deadline, &result, failure) != 0)
			return -1;
		PQclear(result);
	}
	free_texts(c);
	return end_pipeline(c, deadline, failure);
}

/*
 * Readies a session in as few round trips as can be, since each is one more in which it may be
 * lost.  Settings are left to each read, and set here for nothing, if the read is not prepared.
 */
static int
set_up(struct connection *c, const struct connection_options *options, int64_t deadline,
    struct failure *failure)
{
	static const char question[] =
	    "select " STATEMENT_QUESTION ", pg_catalog.set_config('statement_timeout', $2, $3),"
	    " pg_catalog.set_config('TimeZone', 'UTC', $3)";
	const char *encoding = PQparameterStatus(c->pg, "server_encoding");
	const char *values[3] = { options->schema, c->timeout, options->prepare ? "f" : "t" };
	struct statement_relations relations;
	PGresult *result;

	if (encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0)
		return failure_set(failure, FAILURE_REFUSED,
		    "the database's encoding is SQL_ASCII, which says nothing of its text");
	if (PQsetnonblocking(c->pg, 1) != 0)
		return failure_set(failure, FAILURE_LOST, PQerrorMessage(c->pg));
	if (command_finish(c->pg,
		PQsendQueryParams(c->pg, question, 3, NULL, values, NULL, NULL, BINARY), deadline,
		&result, failure) != 0)
		return -1;
	statement_learn(PQgetvalue(result, 0, 0), &relations);
	PQclear(result);
	for (int i = 0; i < STATEMENTS; i++) {
		c->fits[i] = statement_fits((enum statement)i, &relations) &&
		    (i != STATEMENT_REVISIONS || (options->prepare && options->several));
		if (!c->fits[i])
			continue;
		c->texts[i] = statement_text((enum statement)i, options->schema, &relations,
		    options->compat, options->authorize);
		if (c->texts[i] == NULL)
			return failure_set(failure, FAILURE_MEMORY, "no memory for the statements");
	}
	return options->prepare ? prepare(c, deadline, failure) : 0;
}

struct connection *
connection_open(const struct connection_options *options, size_t which, int64_t deadline,
    const atomic_bool *cancel, struct failure *failure)
{
	struct connection *c = calloc(1, sizeof(*c));

	failure_set(failure, FAILURE_MEMORY, "no memory for a connection");
	if (c == NULL)
		return NULL;
	c->parameters = options->authorize ? PARAMETERS : PARAMETER_PRINCIPAL;
	snprintf(c->timeout, sizeof(c->timeout), "%lld",
	    (long long)((options->timeout + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND));
	failure_set(failure, FAILURE_TIMEOUT, "no time was left to connect");
	c->line = -1;
	c->host = which;
	if ((c->pg = dial(options->hosts, &c->host, deadline, cancel, failure)) == NULL)
		goto failed;
	if (options->hosts->count > 1)
		c->line = fcntl(PQsocket(c->pg), F_DUPFD_CLOEXEC, 0);
	if (set_up(c, options, deadline, failure) != 0)
		goto failed;
	return c;
failed:
	connection_close(c);
	return NULL;
}

void
connection_close(struct connection *c)
{
	if (c == NULL)
		return;
	PQfinish(c->pg);
	if (c->line >= 0)
		close(c->line);
	free_texts(c);
	free(c);
}

size_t
connection_host(const struct connection *c)
{
	return c->host;
}

void
connection_place(const struct connection *c, const char **host, const char **port)
{
	*host = PQhost(c->pg);
	*port = PQport(c->pg);
}

/* PQsocket() will not do: libpq closes it by itself, and its number may be another's by then. */
void
connection_cut(const struct connection *c)
{
	if (c->line >= 0)
		shutdown(c->line, SHUT_RDWR);
}

bool
connection_valid_database(const char *database)
{
	PQconninfoOption *options = PQconninfoParse(database, NULL);
	bool valid = options != NULL;

	PQconninfoFree(options);
	return valid;
}

/*
 * Sends STATEMENT.  One that is not prepared may meet another server session each time (a
 * pooler's transaction), so its statement_timeout goes before it in the same pipeline and lasts for
 * both only.
 */
static int
send_statement(struct connection *c, enum statement statement, const char *const values[PARAMETERS],
    const int lengths[PARAMETERS])
{
	static const char settings[] =
	    "select pg_catalog.set_config('statement_timeout', $1, true),"
	    " pg_catalog.set_config('TimeZone', 'UTC', true)";
	const char *timeout[1] = { c->timeout };

	if (c->texts[statement] == NULL)
		return PQsendQueryPrepared(c->pg, prepared_names[statement], c->parameters, values,
			   lengths, formats, BINARY) &&
		    PQsetSingleRowMode(c->pg);
	c->columns_known[statement] = false;
	return PQenterPipelineMode(c->pg) &&
	    PQsendQueryParams(c->pg, settings, 1, NULL, timeout, NULL, NULL, BINARY) &&
	    PQsendQueryParams(c->pg, c->texts[statement], c->parameters, types, values, lengths,
		formats, BINARY) &&
	    PQpipelineSync(c->pg);
}

/* The pipeline's first statement is done with when its NULL has come. */
static int
skip_settings(struct connection *c, int64_t deadline, struct failure *failure)
{
	PGresult *result;

	do {
		if (command_result(c->pg, deadline, &result, failure) != 0)
			return -1;
		if (result != NULL && PQresultStatus(result) != PGRES_TUPLES_OK) {
			command_fail(failure, c->pg, result);
			failure->kind = FAILURE_LOST;
			PQclear(result);
			return -1;
		}
		PQclear(result);
	} while (result != NULL);
	if (!PQsetSingleRowMode(c->pg))
		return failure_set(failure, FAILURE_LOST, "rows do not come one by one");
	return 0;
}

static int
take_row(struct connection *c, enum statement statement, const PGresult *result,
    connection_row *take, void *context, struct failure *failure)
{
	struct statement_columns *columns = &c->columns[statement];
	struct row row;

	if (!c->columns_known[statement] && !statement_find_columns(statement, result, columns))
		return failure_set(failure, FAILURE_LOST, "the read's columns have other names");
	c->columns_known[statement] = true;
	if (!statement_row(result, columns, &row))
		return failure_set(failure, FAILURE_LOST, "the read's columns have other types");
	return take(context, &row);
}

/*
 * Reads results to their end, even when a row was refused (the session stays of use).  Returns as
 * connection_read(); the results of a pipeline's read end with a NULL as any other.
 */
static int
take_rows(struct connection *c, enum statement statement, int64_t deadline, connection_row *take,
    void *context, struct failure *failure)
{
	PGresult *result;
	int outcome = 0;
	bool any = false;

	for (;;) {
		if (command_result(c->pg, deadline, &result, failure) != 0) {
			if (any && failure->kind == FAILURE_TIMEOUT)
				failure->kind = FAILURE_SLOW;
			return -1;
		}
		if (result == NULL)
			return outcome;
		if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
			any = true;
			if (outcome == 0)
				outcome = take_row(c, statement, result, take, context, failure);
		} else if (PQresultStatus(result) != PGRES_TUPLES_OK) {
			outcome = command_fail(failure, c->pg, result);
		}
		PQclear(result);
	}
}

/*
 * After an untranslatable character: whether it was in the VALUES that were asked for, which then
 * are in no row, or in a row.  Returns -1, with *FAILURE as it is, or of the question's own.
 */
static int
judge_values(struct connection *c, const char *const values[PARAMETERS],
    const int lengths[PARAMETERS], int64_t deadline, struct failure *failure)
{
	struct failure answer;
	PGresult *result;
	int sent = PQsendQueryParams(
	    c->pg, "select $1, $2, $3", PARAMETERS, types, values, lengths, formats, BINARY);

	if (command_finish(c->pg, sent, deadline, &result, &answer) == 0) {
		PQclear(result);
		return -1;
	}
	*failure = answer;
	if (strcmp(failure->sqlstate, UNTRANSLATABLE) == 0)
		failure->kind = FAILURE_FOREIGN;
	return -1;
}

bool
connection_fits(const struct connection *c, enum statement statement)
{
	return c->fits[statement];
}

int
connection_read(struct connection *c, enum statement statement,
    const struct row_text parameters[static PARAMETERS], int64_t deadline, connection_row *take,
    void *context, struct failure *failure)
{
	const char *values[PARAMETERS];
	int lengths[PARAMETERS];
	bool pipeline = c->texts[statement] != NULL;
	int outcome;

	for (int i = 0; i < PARAMETERS; i++) {
		values[i] = parameters[i].bytes;
		lengths[i] = (int)parameters[i].length;
	}
	if (!send_statement(c, statement, values, lengths))
		return failure_set(failure, FAILURE_LOST, PQerrorMessage(c->pg));
	if (command_flush(c->pg, deadline, failure) != 0)
		return -1;
	if (pipeline && skip_settings(c, deadline, failure) != 0)
		return -1;
	outcome = take_rows(c, statement, deadline, take, context, failure);
	if (outcome < 0 && !failure_keeps_session(failure->kind))
		return -1;
	if (pipeline && end_pipeline(c, deadline, failure) != 0)
		return -1;
	if (outcome < 0 && statement != STATEMENT_REVISIONS &&
	    strcmp(failure->sqlstate, UNTRANSLATABLE) == 0)
		return judge_values(c, values, lengths, deadline, failure);
	return outcome;
}
