/*
 * One job's document for one request: from the cache if the database says that it is current, from
 * its rows otherwise.
 */
#ifndef JOBSTATUS_READING_H
#define JOBSTATUS_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "body.h"
#include "cache.h"
#include "document.h"
#include "tag.h"

struct config;
struct lookup;
struct store;

#define READING_QUICK_MAX (16 * 1024) /* bytes of a document that any peer takes at once */

/* What one thread reads with, from request to request. */
struct reading {
	struct store *store;
	struct cache *cache; /* or NULL */
	struct body body;
	struct document document;
	struct tag_form form;
	size_t parameters; /* of the statements that are asked for */
	bool revisions;    /* the last job had one */

	/* Of the request: */
	struct tag tag;              /* of a 200 or 304 */
	bool known;                  /* what STATE says: not where a revision alone was read */
	struct document_state state; /* of a 200, or of a 304 if it is known */
	bool tagged;                 /* the tag is the revision's */
	uint64_t epoch;              /* of the last attempt, see store.h */
	enum document_result result; /* of the last row */
};

/* CACHE may be NULL.  Returns 0, or -1 if there is no memory. */
int reading_open(
    struct reading *reading, struct store *store, struct cache *cache, const struct config *config);
void reading_close(struct reading *reading);

/* Whether LOOKUP, of the job's revision, may spare its read: a document is held, or the client says
 * which one it has. */
bool reading_may_look_up(
    struct reading *reading, const struct lookup *lookup, const char *if_none_match);

/* Looks up COUNT jobs, 1 to LOOKUP_MAX.  Of several all may be left without an answer. */
void reading_look_up(struct reading *reading, struct lookup *const lookups[], size_t count);

/* Whether a lookup's answer is all that the request needs, for an answer of a few bytes. */
bool reading_is_quick(
    struct reading *reading, const struct lookup *lookup, const char *if_none_match);

/*
 * Reads LOOKUP's job by its deadline, and looks it up before, if that may spare the read and there
 * is no answer yet.  IF_NONE_MATCH, the field's value, may be NULL.  Returns 200 with the
 * document in the body, 304, 404, 500 or 503.
 */
int reading_run(struct reading *reading, struct lookup *lookup, const char *if_none_match);

#endif
