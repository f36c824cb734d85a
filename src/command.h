/*
 * One command to PostgreSQL and its results, against a deadline.
 */
#ifndef JOBSTATUS_COMMAND_H
#define JOBSTATUS_COMMAND_H

#include <stdint.h>

#include <libpq-fe.h>

#include "failure.h"

/* Each that gives an int returns 0, or -1 with *FAILURE set. */

/* Sets *FAILURE to what RESULT says.  Returns -1. */
int command_fail(struct failure *failure, const PGconn *pg, const PGresult *result);

/* Sends what libpq still holds. */
int command_flush(PGconn *pg, int64_t deadline, struct failure *failure);

/* Waits for the next result, which may be NULL; the caller clears it. */
int command_result(PGconn *pg, int64_t deadline, PGresult **result, struct failure *failure);

/*
 * Sends what libpq holds, and waits for all results of the command, also behind an error: the
 * session stays of use.  The last that is not NULL is the caller's to clear.  SENT is what libpq
 * said to it: 0 is a failure.
 */
int command_finish(
    PGconn *pg, int sent, int64_t deadline, PGresult **last, struct failure *failure);

#endif
