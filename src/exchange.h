/*
 * One request and its answer on a FastCGI connection.
 */
#ifndef JOBSTATUS_EXCHANGE_H
#define JOBSTATUS_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <fcgiapp.h>

#include "gate.h"
#include "handler.h"

#define EXCHANGE_INPUT_MAX \
	(1024 * 1024) /* bytes of a request body that are read before the answer */

struct exchange {
	FCGX_Request fcgx;
	atomic_int_least64_t cut; /* when to cut the peer off; 0: nobody waits for it */
	struct gate gate;
	bool drained; /* its input has been read to the end */
	bool whole;   /* there is a request to be answered */
	struct handler_request request;
};

enum exchange_end {
	EXCHANGE_KEEP,  /* the front may use the connection again */
	EXCHANGE_CLOSE, /* it asked for its end, or is gone */
	EXCHANGE_DRAIN, /* there is input that nobody read: to be drained before closing */
};

/*
 * Reads a request from fcgx's connection, which is to be answered TIMEOUT nanoseconds from now.
 * False: there is none, and the connection is to be closed.  Its `cut` is kept at the time at which
 * the peer, while a thread waits for it, is to be cut off.  fcgx's ipcFd is left open unless the
 * peer broke the protocol.
 */
bool exchange_begin(struct exchange *exchange, const struct config *config);

/* Answers it; a peer that takes nothing for TIMEOUT nanoseconds is to be cut off. */
enum exchange_end exchange_end(struct exchange *exchange, struct handler *handler, int64_t timeout);

#endif
