/*
 * The documents that were read last, in memory, to be sent again when the database says that the
 * job is still at the same revision.  The least recently used ones go when there is no room.
 */
#ifndef JOBSTATUS_CACHE_H
#define JOBSTATUS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "body.h"
#include "document.h"
#include "row.h"
#include "tag.h"

/* Which document of a job: of another tag it is another one. */
struct cache_key {
	struct row_text workspace, name;
};

struct cache;

/* A cache of LIMIT bytes at most, its own keeping included.  NULL: no memory. */
struct cache *cache_open(size_t limit);
void cache_close(struct cache *cache);

/* Whether there is any document of the job.  CACHE may be NULL in all of these: it holds nothing.
 */
bool cache_holds(struct cache *cache, const struct cache_key *key);

/* How long the job's document is, if it has TAG and was read in the same EPOCH; 0: there is none.
 */
size_t cache_length(
    struct cache *cache, const struct cache_key *key, const struct tag *tag, uint64_t epoch);

/*
 * Appends the job's document to BODY (unless it is NULL) and sets *STATE, if it has TAG and was
 * read in the same EPOCH.  False: there is no such document, or no memory for it.
 */
bool cache_get(struct cache *cache, const struct cache_key *key, const struct tag *tag,
    uint64_t epoch, struct document_state *state, struct body *body);

/*
 * Keeps a copy of the job's document in place of an older one.  One that is not in memory or larger
 * than the whole cache is not kept, nor any that there is no memory for.
 */
void cache_put(struct cache *cache, const struct cache_key *key, const struct tag *tag,
    uint64_t epoch, const struct document_state *state, const struct body *body);

#endif
