/*
 * The program's work on a request, from its variables to the answer, without front and database,
 * for callgrind to count: tests/instructions.sh.  The store is ours and gives the rows of one job.
 *
 *   instructions read|kept|304 N
 *
 * N requests: for the full read, for one from the cache, for one that is answered 304.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "clock.h"
#include "config.h"
#include "handler.h"
#include "store.h"

#define TEXT(literal) \
	{ \
		literal, sizeof(literal) - 1 \
	}
#define STEPS 3
#define TASKS 4 /* of a step */

static const struct row job = { .level = ROW_JOB,
	.id = TEXT("job-c4ca4238a0b923820dcc509a6f75849b"),
	.name = TEXT("data-import-2024-06-01"),
	.status = TEXT("active"),
	.status_details = TEXT("{\"progress\": \"45%\", \"current_step\": \"validating data\"}"),
	.error_details = TEXT("{}"),
	.revision = TEXT("123456"),
	.created_at = 770544000000000,
	.updated_at = 770544600000000 };
static const struct row step = { .level = ROW_STEP,
	.id = TEXT("step-a87ff679a2f3e71d9181a67b7542122c"),
	.name = TEXT("step-1"),
	.status = TEXT("completed"),
	.status_details = TEXT("{\"records_extracted\": 15000}"),
	.error_details = TEXT("{}"),
	.created_at = 770544000000000,
	.updated_at = 770544123456789 };
static const struct row task = { .level = ROW_TASK,
	.id = TEXT("task-e4da3b7fbbce2345d7772b0674a318d5"),
	.name = TEXT("task-1"),
	.status = TEXT("completed"),
	.status_details = TEXT("{\"duration_seconds\": 120}"),
	.error_details = TEXT("{}"),
	.created_at = 770544000000000,
	.updated_at = 770544120000001 };

static char tag[64];
static size_t written;

static int
give(const struct store_reader *reader, struct row row, const char *position)
{
	row.step_position = (struct row_text){ position, 4 };
	return reader->row(reader->context, &row);
}

bool
store_takes_several(struct store *store)
{
	(void)store;
	return false;
}

bool
store_look(struct store *store, int64_t deadline, char *reason, size_t size)
{
	(void)store;
	(void)deadline;
	(void)reason;
	(void)size;
	return false;
}

enum store_result
store_read(struct store *store, enum statement statement,
    const struct row_text parameters[static PARAMETERS], int64_t deadline,
    const struct store_reader *reader)
{
	(void)store;
	(void)parameters;
	(void)deadline;
	reader->begin(reader->context, 1);
	if (reader->row(reader->context, &job) != 0)
		return STORE_STOPPED;
	if (statement == STATEMENT_REVISION)
		return STORE_OK;
	for (char i = 0; i < STEPS; i++) {
		const char position[4] = { 0, 0, 0, i };

		if (give(reader, step, position) != 0)
			return STORE_STOPPED;
		for (int j = 0; j < TASKS; j++)
			if (give(reader, task, position) != 0)
				return STORE_STOPPED;
	}
	return STORE_OK;
}

static int
take(void *context, const char *bytes, size_t length)
{
	const char *field = context != NULL ? memmem(bytes, length, "ETag: ", 6) : NULL;

	if (field != NULL)
		snprintf(tag, sizeof(tag), "%.34s", field + 6);
	written += length;
	return 0;
}

int
main(int argc, char *argv[])
{
	struct handler_variables variables = { "GET", "",
		"/apis/jobs/v2/workspaces/default/jobs/data-import-2024-06-01/status", NULL, NULL,
		NULL };
	struct config config;
	struct cache *cache = NULL;
	struct handler_request request;
	struct handler *handler;
	char error[400];

	if (argc != 3 || config_read(&config, 0, NULL, error, sizeof(error)) != 0)
		return EXIT_FAILURE;
	if (strcmp(argv[1], "read") != 0 && (cache = cache_open(config.cache)) == NULL)
		return EXIT_FAILURE;
	if ((handler = handler_open(NULL, cache, &config)) == NULL)
		return EXIT_FAILURE;
	handler_begin(&request, &variables, &config, 0);
	handler_answer(handler, &request, take, tag);
	if (strcmp(argv[1], "304") == 0)
		variables.if_none_match = tag;
	written = 0;
	for (long i = atol(argv[2]); i > 0; i--) {
		handler_begin(&request, &variables, &config, clock_now() + config.timeout);
		handler_answer(handler, &request, take, NULL);
	}
	printf("%zu bytes\n", written);
	handler_close(handler);
	cache_close(cache);
	return EXIT_SUCCESS;
}
