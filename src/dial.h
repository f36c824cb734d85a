/*
 * Connecting to PostgreSQL against a deadline, host by host.
 */
#ifndef JOBSTATUS_DIAL_H
#define JOBSTATUS_DIAL_H

#include <stdatomic.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "failure.h"

/*
 * Connects to one of DATABASE's hosts, tried in turn, each with an equal share of the time that is
 * left to DEADLINE; *CANCEL, unless it is NULL, ends the attempt when it turns true.  The caller
 * finishes the connection.  NULL: *FAILURE says why, with the server's SQLSTATE if it gave one.
 */
PGconn *dial(
    const char *database, int64_t deadline, const atomic_bool *cancel, struct failure *failure);

/* Waits for EVENTS of poll(2) on the socket.  Returns 0, or -1 when DEADLINE passed or *CANCEL is
 * true. */
int dial_wait(const PGconn *pg, short events, int64_t deadline, const atomic_bool *cancel);

#endif
