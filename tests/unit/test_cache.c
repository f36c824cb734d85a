/*
 * The cache: what it gives, what it keeps, and how much.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "suite.h"

static const struct tag old = { "\"old\"" }, new = { "\"new\"" };
static const struct document_state state = { true, 17 };

static struct body body, got;
static struct cache *cache;

static void
set_up(void)
{
	ck_assert_int_eq(body_open(&body), 0);
	ck_assert_int_eq(body_open(&got), 0);
	cache = NULL;
}

static void
tear_down(void)
{
	cache_close(cache);
	body_close(&body);
	body_close(&got);
}

static struct cache_key
key_of(const char *workspace, const char *name)
{
	return (struct cache_key){ { workspace, strlen(workspace) }, { name, strlen(name) } };
}

/* Puts LENGTH bytes of C as the job's document. */
static void
put(const struct cache_key *key, const struct tag *tag, uint64_t epoch, char c, size_t length)
{
	char *bytes = malloc(length + 1);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, c, length);
	body_clear(&body);
	ck_assert_int_eq(body_append(&body, bytes, length), 0);
	free(bytes);
	cache_put(cache, key, tag, epoch, &state, &body);
}

/* Whether the job's document is there, of LENGTH bytes of C. */
static bool
has(const struct cache_key *key, const struct tag *tag, uint64_t epoch, char c, size_t length)
{
	struct document_state found = { false, 0 };
	const char *bytes;
	size_t n;

	body_clear(&got);
	if (!cache_get(cache, key, tag, epoch, &found, &got)) {
		ck_assert_uint_eq(body_length(&got), 0);
		return false;
	}
	bytes = body_memory(&got, &n);
	ck_assert_uint_eq(n, length);
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != c)
			ck_abort_msg("another byte at %zu", i);
	ck_assert(found.ended);
	ck_assert_int_eq(found.changed, 17);
	return true;
}

START_TEST(gives_what_was_put)
{
	struct cache_key key = key_of("w", "n");
	struct document_state found = { false, 0 };

	cache = cache_open(10000);
	ck_assert(!cache_holds(cache, &key));
	ck_assert(!has(&key, &old, 1, 'a', 10));
	put(&key, &old, 1, 'a', 10);
	ck_assert(cache_holds(cache, &key));
	ck_assert(has(&key, &old, 1, 'a', 10));
	ck_assert(has(&key, &old, 1, 'a', 10));
	ck_assert(cache_get(cache, &key, &old, 1, &found, NULL));
	ck_assert(found.ended);
}
END_TEST

START_TEST(gives_nothing_else)
{
	struct cache_key key = key_of("ab", "c"), other = key_of("a", "bc"),
			 third = key_of("b", "c");

	cache = cache_open(10000);
	put(&key, &old, 1, 'a', 10);
	ck_assert(!has(&key, &new, 1, 'a', 10));
	ck_assert(!has(&key, &old, 2, 'a', 10));
	ck_assert(!has(&other, &old, 1, 'a', 10));
	ck_assert(!has(&third, &old, 1, 'a', 10));
	ck_assert(has(&key, &old, 1, 'a', 10));
}
END_TEST

START_TEST(keeps_one_document_a_job)
{
	struct cache_key key = key_of("w", "n");

	cache = cache_open(10000);
	put(&key, &old, 1, 'a', 10);
	put(&key, &new, 2, 'b', 20);
	ck_assert(!has(&key, &old, 1, 'a', 10));
	ck_assert(has(&key, &new, 2, 'b', 20));
}
END_TEST

#define JOBS 100

static struct cache_key
numbered(char name[static 8], int number)
{
	snprintf(name, 8, "%d", number);
	return key_of("w", name);
}

/* Fills the cache with documents of 1,000 bytes and returns how many of JOBS are held. */
static int
fill(void)
{
	char name[8];
	int held = 0;

	for (int i = 0; i < JOBS; i++) {
		struct cache_key key = numbered(name, i);

		put(&key, &old, 1, 'a', 1000);
	}
	for (int i = 0; i < JOBS; i++) {
		struct cache_key key = numbered(name, i);

		held += cache_holds(cache, &key);
	}
	return held;
}

START_TEST(keeps_to_its_limit)
{
	cache = cache_open(20000);
	ck_assert_int_le(fill(), 20);
	ck_assert_int_ge(fill(), 15);
}
END_TEST

START_TEST(lets_the_least_recently_used_go)
{
	char a[8], b[8];
	struct cache_key first = numbered(a, 0), last = numbered(b, JOBS - 1);

	cache = cache_open(20000);
	fill();
	ck_assert(cache_holds(cache, &last));
	ck_assert(!cache_holds(cache, &first));
	for (int i = 0; i < JOBS; i++) {
		char name[8];
		struct cache_key key = numbered(name, i + 2 * JOBS);

		ck_assert(has(&last, &old, 1, 'a', 1000));
		put(&key, &old, 1, 'b', 1000);
	}
	ck_assert(has(&last, &old, 1, 'a', 1000));
}
END_TEST

START_TEST(makes_room_for_a_large_one)
{
	char name[8];
	struct cache_key key = key_of("w", "large"), first = numbered(name, JOBS - 1);

	cache = cache_open(20000);
	fill();
	put(&key, &old, 1, 'c', 19000);
	ck_assert(has(&key, &old, 1, 'c', 19000));
	ck_assert(!cache_holds(cache, &first));
}
END_TEST

START_TEST(keeps_none_larger_than_itself)
{
	struct cache_key key = key_of("w", "n"), small = key_of("w", "small");

	cache = cache_open(20000);
	put(&small, &old, 1, 'a', 10);
	put(&key, &old, 1, 'c', 20000);
	ck_assert(!cache_holds(cache, &key));
	ck_assert(has(&small, &old, 1, 'a', 10));
}
END_TEST

START_TEST(keeps_what_is_in_memory_alone)
{
	struct cache_key key = key_of("w", "n"), larger = key_of("w", "m");

	cache = cache_open(100 * 1024 * 1024);
	put(&key, &old, 1, 'a', BODY_MEMORY_MAX);
	ck_assert(has(&key, &old, 1, 'a', BODY_MEMORY_MAX));
	put(&larger, &old, 1, 'a', BODY_MEMORY_MAX + 1);
	ck_assert(!cache_holds(cache, &larger));
}
END_TEST

START_TEST(of_no_size_holds_nothing)
{
	struct cache_key key = key_of("w", "n");

	if (_i == 1)
		cache = cache_open(0);
	put(&key, &old, 1, 'a', 0);
	ck_assert(!cache_holds(cache, &key));
	ck_assert(!has(&key, &old, 1, 'a', 0));
}
END_TEST

static void *
use(void *context)
{
	const struct tag *tag = context;
	struct body mine, copy;
	char c = tag == &old ? 'o' : 'n', name[8];

	if (body_open(&mine) != 0 || body_open(&copy) != 0)
		return context;
	for (size_t i = 0; i < 500; i++)
		body_append(&mine, &c, 1);
	for (int i = 0; i < 20000; i++) {
		struct cache_key key = numbered(name, i % 30);
		struct document_state found;
		const char *bytes;
		size_t length;

		cache_put(cache, &key, tag, 1, &state, &mine);
		body_clear(&copy);
		if (!cache_get(cache, &key, tag, 1, &found, &copy))
			continue;
		bytes = body_memory(&copy, &length);
		if (length != 500 || bytes[0] != c || bytes[499] != c)
			return context;
	}
	body_close(&mine);
	body_close(&copy);
	return NULL;
}

START_TEST(serves_threads)
{
	pthread_t threads[4];
	void *failed;

	cache = cache_open(10000);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use,
				     (void *)(uintptr_t)(i % 2 == 0 ? &old : &new)),
		    0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cache");
	TCase *tcase = tcase_create("cache");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, gives_what_was_put);
	tcase_add_test(tcase, gives_nothing_else);
	tcase_add_test(tcase, keeps_one_document_a_job);
	tcase_add_test(tcase, keeps_to_its_limit);
	tcase_add_test(tcase, lets_the_least_recently_used_go);
	tcase_add_test(tcase, makes_room_for_a_large_one);
	tcase_add_test(tcase, keeps_none_larger_than_itself);
	tcase_add_test(tcase, keeps_what_is_in_memory_alone);
	tcase_add_loop_test(tcase, of_no_size_holds_nothing, 0, 2);
	tcase_add_test(tcase, serves_threads);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
