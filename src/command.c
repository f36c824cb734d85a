/*
 * Commands and their results.  PQexec() and PQgetResult() wait for ever, so every wait is ours.
 */
#include "command.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dial.h"

/* SQLSTATEs after which a fresh session may answer. */
static bool
ends_session(const char *sqlstate)
{
	return strncmp(sqlstate, "57P", 3) == 0 || /* the server ended it */
	    strncmp(sqlstate, "08", 2) == 0 ||     /* connection exception */
	    strncmp(sqlstate, "40", 2) == 0 ||     /* a standby's conflict with replay */
	    strcmp(sqlstate, "0A000") == 0 ||      /* cached plan must not change result type */
	    strcmp(sqlstate, "26000") == 0;        /* prepared statement unknown here */
}

/* SQLSTATEs that speak of rows: a view's value that is no json, two jobs of one name. */
static bool
is_data(const char *sqlstate)
{
	return strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "21", 2) == 0;
}

static enum failure_kind
kind_of(const char *sqlstate, const PGconn *pg)
{
	if (sqlstate == NULL)
		return PQstatus(pg) == CONNECTION_BAD ? FAILURE_LOST : FAILURE_REFUSED;
	if (ends_session(sqlstate))
		return FAILURE_LOST;
	if (strcmp(sqlstate, "57014") == 0) /* statement_timeout */
		return FAILURE_SLOW;
	if (strcmp(sqlstate, "42703") == 0) /* undefined column */
		return FAILURE_CHANGED;
	return is_data(sqlstate) ? FAILURE_DATA : FAILURE_REFUSED;
}

int
command_fail(struct failure *failure, const PGconn *pg, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	failure_set(failure, kind_of(sqlstate, pg), message != NULL ? message : PQerrorMessage(pg));
	if (sqlstate != NULL)
		snprintf(failure->sqlstate, sizeof(failure->sqlstate), "%s", sqlstate);
	return -1;
}

int
command_flush(PGconn *pg, int64_t deadline, struct failure *failure)
{
	for (;;) {
		switch (PQflush(pg)) {
		case 0:
			return 0;
		case 1:
			break;
		default:
			return failure_set(failure, FAILURE_LOST, PQerrorMessage(pg));
		}
		if (dial_wait(pg, POLLIN | POLLOUT, deadline, NULL) != 0)
			return failure_set(
			    failure, FAILURE_TIMEOUT, "the deadline passed while sending");
		if (!PQconsumeInput(pg))
			return failure_set(failure, FAILURE_LOST, PQerrorMessage(pg));
	}
}

int
command_result(PGconn *pg, int64_t deadline, PGresult **result, struct failure *failure)
{
	while (PQisBusy(pg)) {
		if (dial_wait(pg, POLLIN, deadline, NULL) != 0)
			return failure_set(failure, FAILURE_TIMEOUT, "the deadline passed");
		if (!PQconsumeInput(pg))
			return failure_set(failure, FAILURE_LOST, PQerrorMessage(pg));
	}
	*result = PQgetResult(pg);
	return 0;
}

int
command_finish(PGconn *pg, int sent, int64_t deadline, PGresult **last, struct failure *failure)
{
	PGresult *result;
	int outcome = 0;

	*last = NULL;
	if (!sent)
		return failure_set(failure, FAILURE_LOST, PQerrorMessage(pg));
	if (command_flush(pg, deadline, failure) != 0)
		return -1;
	for (;;) {
		ExecStatusType status;

		if (command_result(pg, deadline, &result, failure) != 0) {
			outcome = -1;
			break;
		}
		if (result == NULL)
			break;
		PQclear(*last);
		*last = result;
		status = PQresultStatus(result);
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
			outcome = command_fail(failure, pg, result);
	}
	if (outcome != 0) {
		PQclear(*last);
		*last = NULL;
	}
	return outcome;
}
