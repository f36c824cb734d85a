/*
 * The cache: a table of chains to find a document by its job, and a list in the order of use.  A
 * document and all that belongs to it is one block of memory.
 */
#include "cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include <xxhash.h>

#define HEAD 16              /* bytes that malloc(3) takes beside a block */
#define BYTES_PER_CHAIN 4096 /* of the limit; about a small document */
#define CHAINS_MAX (1024 * 1024)

struct kept {
	struct cache_key key; /* its bytes are behind it */
	LIST_ENTRY(kept) chain;
	TAILQ_ENTRY(kept) use;
	struct tag tag;
	uint64_t epoch;
	struct document_state state;
	size_t length; /* of the document, behind the key's bytes */
	char bytes[];
};

LIST_HEAD(chain, kept);

struct cache {
	pthread_mutex_t lock;
	size_t limit, size;
	struct chain *chains;
	size_t count;                /* of chains, a power of two */
	uint64_t seed;               /* so that nobody can choose names that share a chain */
	TAILQ_HEAD(uses, kept) uses; /* the latest first */
};

static bool
same(const struct row_text *a, const struct row_text *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static struct chain *
chain_of(const struct cache *cache, const struct cache_key *key)
{
	uint64_t hash =
	    XXH3_64bits_withSeed(key->workspace.bytes, key->workspace.length, cache->seed);

	hash = XXH3_64bits_withSeed(key->name.bytes, key->name.length, hash);
	return &cache->chains[hash & (cache->count - 1)];
}

static size_t
size_of(const struct cache_key *key, size_t length)
{
	return sizeof(struct kept) + HEAD + key->workspace.length + key->name.length + length;
}

static size_t
size_of_chains(const struct cache *cache)
{
	return cache->count * sizeof(*cache->chains);
}

struct cache *
cache_open(size_t limit)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	cache->limit = limit;
	for (cache->count = 1; cache->count < limit / BYTES_PER_CHAIN && cache->count < CHAINS_MAX;)
		cache->count *= 2;
	cache->size = size_of_chains(cache);
	cache->chains = calloc(cache->count, sizeof(*cache->chains));
	if (cache->chains == NULL ||
	    getrandom(&cache->seed, sizeof(cache->seed), 0) != sizeof(cache->seed)) {
		free(cache->chains);
		free(cache);
		return NULL;
	}
	TAILQ_INIT(&cache->uses);
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

static struct kept *
find(struct cache *cache, const struct cache_key *key)
{
	struct kept *kept = LIST_FIRST(chain_of(cache, key));

	while (kept != NULL &&
	    !(same(&kept->key.name, &key->name) && same(&kept->key.workspace, &key->workspace)))
		kept = LIST_NEXT(kept, chain);
	return kept;
}

static void
drop(struct cache *cache, struct kept *kept)
{
	LIST_REMOVE(kept, chain);
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
	free(cache->chains);
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

/* The job's document, if it is the one that is meant. */
static struct kept *
find_current(
    struct cache *cache, const struct cache_key *key, const struct tag *tag, uint64_t epoch)
{
	struct kept *kept = find(cache, key);

	if (kept == NULL || kept->epoch != epoch || strcmp(kept->tag.text, tag->text) != 0)
		return NULL;
	return kept;
}

size_t
cache_length(
    struct cache *cache, const struct cache_key *key, const struct tag *tag, uint64_t epoch)
{
	struct kept *kept;
	size_t length = 0;

	if (cache == NULL || cache->limit == 0)
		return 0;
	pthread_mutex_lock(&cache->lock);
	if ((kept = find_current(cache, key, tag, epoch)) != NULL)
		length = kept->length;
	pthread_mutex_unlock(&cache->lock);
	return length;
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
	if ((kept = find_current(cache, key, tag, epoch)) != NULL) {
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

	if (cache == NULL || bytes == NULL)
		return;
	size = size_of(key, length);
	if (size_of_chains(cache) + size > cache->limit ||
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
	LIST_INSERT_HEAD(chain_of(cache, key), kept, chain);
	TAILQ_INSERT_HEAD(&cache->uses, kept, use);
	cache->size += size;
	pthread_mutex_unlock(&cache->lock);
}
