/*
 * One request to one answer: parse, read, write.
 */
#ifndef JOBSTATUS_HANDLER_H
#define JOBSTATUS_HANDLER_H

#include <stdint.h>

#include "body.h"

struct cache;
struct config;
struct store;
struct handler;

/* The CGI variables of a request (RFC 3875); each may be NULL. */
struct handler_variables {
	const char *request_method, *script_name, *path_info, *if_none_match;
};

/* A handler for one thread; it keeps its memory from answer to answer.  CONFIG is borrowed, CACHE
 * may be NULL.  NULL: no memory. */
struct handler *handler_open(struct store *store, struct cache *cache, const struct config *config);
void handler_close(struct handler *handler);

/*
 * Answers a request by DEADLINE.  The first byte goes to SINK when the last row is in and the
 * database connection is back in its pool.  Returns 0, or -1 if SINK takes no more.
 */
int handler_answer(struct handler *handler, const struct handler_variables *variables,
    int64_t deadline, body_sink *sink, void *context);

/* Writes a 500 with the usual body, for a program that cannot answer at all.  Returns as above. */
int handler_refuse(body_sink *sink, void *context);

#endif
