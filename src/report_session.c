/*
 * One call.  Its statement_timeout goes before it in the same pipeline, which is one transaction:
 * so nothing stays behind in a pooler's session, and it takes one round trip.
 */
#include "report_session.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <libpq-fe.h>

#include "clock.h"
#include "dial.h"
#include "failure.h"
#include "report_outcome.h"

struct session {
	PGconn *pg;
	int64_t deadline;
	const atomic_bool *cancel;
	struct report_answer *answer;
};

/* Judges the answer by its SQLSTATE.  Returns -1. */
static int
fail(struct report_answer *answer, const char *sqlstate, const char *text, const char *detail)
{
	const char *hint;

	snprintf(answer->sqlstate, sizeof(answer->sqlstate), "%s", sqlstate);
	answer->code = report_outcome(answer->sqlstate, &hint);
	snprintf(answer->text, sizeof(answer->text), "%s%s%s%s%s%s", text,
	    detail != NULL ? " (" : "", detail != NULL ? detail : "", detail != NULL ? ")" : "",
	    hint != NULL ? ": " : "", hint != NULL ? hint : "");
	return -1;
}

/* The session is gone without an answer.  Libpq's text has several lines; the first says it. */
static int
fail_lost(struct session *s)
{
	struct failure failure;

	failure_set(&failure, FAILURE_LOST, PQerrorMessage(s->pg));
	return fail(
	    s->answer, "", *failure.text != '\0' ? failure.text : "the connection was lost", NULL);
}

/* A message of the server's, whole: a name in it may hold a newline. */
static int
fail_by_result(struct session *s, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	bool data = sqlstate != NULL && strncmp(sqlstate, "22", 2) == 0;

	if (sqlstate == NULL)
		return fail_lost(s);
	return fail(s->answer, sqlstate, message != NULL ? message : "",
	    data ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL);
}

/* Waits until libpq may go on.  Returns 0 or -1. */
static int
wait_for(struct session *s, short events)
{
	if (dial_wait(s->pg, events, s->deadline, s->cancel) != 0)
		return fail(s->answer, "", "the database gave no answer in time", NULL);
	return PQconsumeInput(s->pg) ? 0 : fail_lost(s);
}

static int
flush(struct session *s)
{
	int left;

	while ((left = PQflush(s->pg)) > 0)
		if (wait_for(s, POLLIN | POLLOUT) != 0)
			return -1;
	return left == 0 ? 0 : fail_lost(s);
}

static int
send_call(struct session *s, const char *sql, size_t count, const char *const values[])
{
	static const char setting[] = "select pg_catalog.set_config('statement_timeout', $1, true)";
	char milliseconds[24];
	const char *timeout[1] = { milliseconds };

	snprintf(milliseconds, sizeof(milliseconds), "%d",
	    clock_poll_timeout(s->deadline) > 0 ? clock_poll_timeout(s->deadline) : 1);
	if (PQsetnonblocking(s->pg, 1) != 0 || !PQenterPipelineMode(s->pg) ||
	    !PQsendQueryParams(s->pg, setting, 1, NULL, timeout, NULL, NULL, 0) ||
	    !PQsendQueryParams(s->pg, sql, (int)count, NULL, values, NULL, NULL, 0) ||
	    !PQpipelineSync(s->pg))
		return fail_lost(s);
	s->answer->sent = true;
	return flush(s);
}

static void
take(struct report_answer *answer, const PGresult *result)
{
	for (int i = 0; i < REPORT_ANSWERS && i < PQnfields(result) && PQntuples(result) > 0; i++)
		snprintf(
		    answer->values[i], sizeof(answer->values[i]), "%s", PQgetvalue(result, 0, i));
}

/*
 * Reads to the synchronisation point, which comes when the transaction is committed; what was wrong
 * first is what is told.  The last result with rows is the call's.
 */
static int
receive(struct session *s)
{
	ExecStatusType status = PGRES_EMPTY_QUERY;
	int outcome = 0;

	while (status != PGRES_PIPELINE_SYNC) {
		PGresult *result;

		while (PQisBusy(s->pg))
			if (wait_for(s, POLLIN) != 0)
				return -1;
		result = PQgetResult(s->pg);
		if (result == NULL) {
			if (PQstatus(s->pg) == CONNECTION_BAD)
				return outcome == 0 ? fail_lost(s) : outcome;
			continue;
		}
		status = PQresultStatus(result);
		if (status == PGRES_TUPLES_OK)
			take(s->answer, result);
		else if (status == PGRES_FATAL_ERROR && outcome == 0)
			outcome = fail_by_result(s, result);
		PQclear(result);
	}
	return outcome;
}

int
report_session_call(const char *database, const char *sql, size_t count, const char *const values[],
    int64_t deadline, const atomic_bool *cancel, struct report_answer *answer)
{
	struct session s = { .deadline = deadline, .cancel = cancel };
	struct failure failure;

	memset(answer, 0, sizeof(*answer));
	s.answer = answer;
	failure_set(&failure, FAILURE_TIMEOUT, "no time was left to connect to the database");
	s.pg = dial_database(database, deadline, cancel, &failure);
	if (s.pg == NULL)
		fail(answer, failure.sqlstate, failure.text, NULL);
	else if (send_call(&s, sql, count, values) == 0)
		receive(&s);
	PQfinish(s.pg);
	return answer->code;
}

bool
report_session_valid(const char *database)
{
	PQconninfoOption *options = PQconninfoParse(database, NULL);
	bool valid = options != NULL;

	PQconninfoFree(options);
	return valid;
}
