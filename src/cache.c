/*
 * The cache: libc's balanced tree to find a document by its job, and a list in the order of use. An
 * kept is one block of memory.
 */
#include "cache.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define NODE 64 /* bytes of a node of the tree and of two blocks' heads, in glibc */

struct kept {
	struct cache_key key; /* first: the tree compares keys; its bytes are behind it */
	TAILQ_ENTRY(kept) use;
	struct tag tag;
	uint64_t epoch;
	struct document_state state;
	size_t length; /* of the document, behind the key's bytes */
	char bytes[];
};

struct cache {
	pthread_mutex_t lock;
	size_t limit, size;
	void *tree;
	TAILQ_HEAD(uses, kept) uses; /* the latest first */
};

static int
compare_texts(const struct row_text *a, const struct row_text *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->length);
}

/* The name first: it differs most. */
static int
compare(const void *a, const void *b)
{
	const struct cache_key *x = a, *y = b;
	int order = compare_texts(&x->name, &y->name);

	return order != 0 ? order : compare_texts(&x->workspace, &y->workspace);
}

static size_t
size_of(const struct cache_key *key, size_t length)
{
	return sizeof(struct kept) + NODE + key->workspace.length + key->name.length + length;
}

struct cache *
cache_open(size_t limit)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	cache->limit = limit;
	TAILQ_INIT(&cache->uses);
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

static struct kept *
find(struct cache *cache, const struct cache_key *key)
{
	void *node = tfind(key, &cache->tree, compare);

	return node != NULL ? *(struct kept **)node : NULL;
}

static void
drop(struct cache *cache, struct kept *kept)
{
	tdelete(kept, &cache->tree, compare);
	TAILQ_REMOVE(&cache->uses, kept, use);
	cache->size -= size_of(&kept->key, kept->length);
	free(kept);
}

void
cache_close(struct cache *cache)
{
	if (cache == NULL)
		return;
	while (!TAILQ_EMPTY(&cache->uses))
		drop(cache, TAILQ_FIRST(&cache->uses));
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

bool
cache_holds(struct cache *cache, const struct cache_key *key)
{
	bool holds;

	if (cache == NULL || cache->limit == 0)
		return false;
	pthread_mutex_lock(&cache->lock);
	holds = find(cache, key) != NULL;
	pthread_mutex_unlock(&cache->lock);
	return holds;
}

bool
cache_get(struct cache *cache, const struct cache_key *key, const struct tag *tag, uint64_t epoch,
    struct document_state *state, struct body *body)
{
	struct kept *kept;
	bool got = false;

	if (cache == NULL || cache->limit == 0)
		return false;
	pthread_mutex_lock(&cache->lock);
	kept = find(cache, key);
	if (kept != NULL && kept->epoch == epoch && strcmp(kept->tag.text, tag->text) == 0) {
		TAILQ_REMOVE(&cache->uses, kept, use);
		TAILQ_INSERT_HEAD(&cache->uses, kept, use);
		*state = kept->state;
		got = body == NULL ||
		    body_append(body, kept->key.name.bytes + kept->key.name.length, kept->length) ==
			0;
	}
	pthread_mutex_unlock(&cache->lock);
	return got;
}

/* A document of its own memory, or NULL. */
static struct kept *
make(const struct cache_key *key, const char *bytes, size_t length)
{
	struct kept *kept =
	    malloc(sizeof(*kept) + key->workspace.length + key->name.length + length);
	char *to;

	if (kept == NULL)
		return NULL;
	to = kept->bytes;
	kept->key.workspace = (struct row_text){ to, key->workspace.length };
	to = mempcpy(to, key->workspace.bytes, key->workspace.length);
	kept->key.name = (struct row_text){ to, key->name.length };
	to = mempcpy(to, key->name.bytes, key->name.length);
	memcpy(to, bytes, length);
	kept->length = length;
	return kept;
}

void
cache_put(struct cache *cache, const struct cache_key *key, const struct tag *tag, uint64_t epoch,
    const struct document_state *state, const struct body *body)
{
	size_t length, size;
	const char *bytes = body_memory(body, &length);
	struct kept *kept, *old;

	if (cache == NULL || bytes == NULL || (size = size_of(key, length)) > cache->limit ||
	    (kept = make(key, bytes, length)) == NULL)
		return;
	kept->tag = *tag;
	kept->epoch = epoch;
	kept->state = *state;
	pthread_mutex_lock(&cache->lock);
	if ((old = find(cache, key)) != NULL)
		drop(cache, old);
	while (cache->size + size > cache->limit)
		drop(cache, TAILQ_LAST(&cache->uses, uses));
	if (tsearch(kept, &cache->tree, compare) == NULL) {
		free(kept);
	} else {
		TAILQ_INSERT_HEAD(&cache->uses, kept, use);
		cache->size += size;
	}
	pthread_mutex_unlock(&cache->lock);
}
