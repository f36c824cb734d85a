/*
 * One request and its answer on a FastCGI connection.
 */
#ifndef JOBSTATUS_EXCHANGE_H
#define JOBSTATUS_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <fcgiapp.h>

struct handler;

#define EXCHANGE_INPUT_MAX (1024 * 1024) /* bytes of a request body that are read */

enum exchange_end {
	EXCHANGE_KEEP,  /* the front may use the connection again */
	EXCHANGE_CLOSE, /* it asked for its end, or is gone */
	EXCHANGE_DRAIN, /* there is input that nobody read: to be drained before closing */
};

/*
 * Reads a request from FCGX's connection and answers it.  The answer is due TIMEOUT nanoseconds
 * from now; *CUT is kept at the time at which the peer, if this thread still waits for it, is to be
 * cut off, or 0 while nobody waits for it.  FCGX's ipcFd is left open unless the peer broke the
 * protocol.
 */
enum exchange_end exchange_run(
    FCGX_Request *fcgx, struct handler *handler, int64_t timeout, atomic_int_least64_t *cut);

#endif
