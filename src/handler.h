/*
 * One request to one answer: parse, read, write.
 */
#ifndef JOBSTATUS_HANDLER_H
#define JOBSTATUS_HANDLER_H

#include <stdint.h>

#include "body.h"
#include "lookup.h"
#include "request.h"

struct cache;
struct config;
struct store;
struct handler;

/* The CGI variables of a request (RFC 3875); each may be NULL.  PRINCIPAL is the one that
 * config->authorize names. */
struct handler_variables {
	const char *request_method, *script_name, *path_info, *if_none_match, *request_id;
	const char *principal;
};

/* A handler for one thread; it keeps its memory from answer to answer.  CONFIG is borrowed, CACHE
 * may be NULL.  NULL: no memory. */
struct handler *handler_open(struct store *store, struct cache *cache, const struct config *config);
void handler_close(struct handler *handler);

/* A request on its way to its answer. */
struct handler_request {
	struct request parsed;
	int status; /* of the request itself */
	struct handler_variables variables;
	int64_t began;
	struct lookup lookup;
};

/* Begins a request that is to be answered by DEADLINE.  It borrows what VARIABLES borrow, and is
 * over with handler_answer(). */
void handler_begin(struct handler_request *request, const struct handler_variables *variables,
    const struct config *config, int64_t deadline);

/* Whether a lookup of its job's revision, together with others, may be all that the request needs.
 */
bool handler_may_look_up(struct handler *handler, const struct handler_request *request);

/* Looks up several jobs at once, see reading.h. */
void handler_look_up(struct handler *handler, struct lookup *const lookups[], size_t count);

/* Whether its lookup was, and the answer is small. */
bool handler_is_quick(struct handler *handler, const struct handler_request *request);

/*
 * Answers a request, and ends it.  The first byte goes to SINK when the last row is in and the
 * database connection is back in its pool.  Returns 0, or -1 if SINK takes no more.
 */
int handler_answer(
    struct handler *handler, struct handler_request *request, body_sink *sink, void *context);

/* Writes a 500 with the usual body, for a program that cannot answer at all.  Returns as above. */
int handler_refuse(body_sink *sink, void *context);

#endif
