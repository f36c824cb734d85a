/*
 * Rows to documents, byte by byte.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json_object.h>

#include "body.h"
#include "document.h"
#include "sink.h"
#include "suite.h"

#define TEXT(literal) \
	{ \
		(literal), sizeof(literal) - 1 \
	}
#define NONE \
	{ \
		NULL, 0 \
	}
#define HOUR 3600000000LL

static const struct row job = { .level = ROW_JOB,
	.id = TEXT("j1"),
	.name = TEXT("job"),
	.status = TEXT("active"),
	.status_details = TEXT("{}"),
	.error_details = TEXT("{}") };
static const struct row step = { .level = ROW_STEP,
	.step_position = TEXT("\0\0\0\1"),
	.id = TEXT("s1"),
	.name = TEXT("step"),
	.status = TEXT("active"),
	.status_details = TEXT("{}"),
	.error_details = TEXT("{}") };
static const struct row task = { .level = ROW_TASK,
	.step_position = TEXT("\0\0\0\1"),
	.id = TEXT("t1"),
	.name = TEXT("task"),
	.status = TEXT("active"),
	.status_details = TEXT("{}"),
	.error_details = TEXT("{}") };

static struct body body;
static struct document document;

static void
set_up(void)
{
	ck_assert_int_eq(body_open(&body), 0);
	document_open(&document, &body, COMPAT_NONE, false);
	document_begin(&document);
}

static void
tear_down(void)
{
	document_close(&document);
	body_close(&body);
}

static void
assert_document(const char *expected)
{
	struct sink sink = { 0 };

	ck_assert_int_eq(document_end(&document), DOCUMENT_OK);
	ck_assert_int_eq(body_send(&body, sink_take, &sink), 0);
	ck_assert_str_eq(sink.bytes, expected);
	free(sink.bytes);
}

#define HEAD(id, name) \
	"{\"id\":\"" id "\",\"name\":\"" name \
	"\",\"status\":\"active\",\"status_details\":{},\"error_details\":{}"
#define TIMES ",\"created_at\":\"2000-01-01T00:00:00Z\",\"updated_at\":\"2000-01-01T00:00:00Z\"}"

START_TEST(job_without_steps)
{
	ck_assert_int_eq(document_append(&document, &job), DOCUMENT_OK);
	assert_document(HEAD("j1", "job") ",\"steps\":[]" TIMES);
}
END_TEST

START_TEST(steps_and_tasks)
{
	struct row second = step, again = task;

	second.step_position = (struct row_text)TEXT("\0\0\0\2");
	again.step_position = second.step_position;
	again.error_stack = (struct row_text)TEXT("at \"x\"\n");
	document_append(&document, &job);
	document_append(&document, &step);
	document_append(&document, &task);
	document_append(&document, &task);
	document_append(&document, &second);
	ck_assert_int_eq(document_append(&document, &again), DOCUMENT_OK);
	assert_document(HEAD("j1", "job") ",\"steps\":[" HEAD("s1", "step") ",\"tasks\":[" HEAD(
	    "t1", "task") ",\"error_stack\":\"\"" TIMES "," HEAD("t1",
	    "task") ",\"error_stack\":\"\"" TIMES "]" TIMES "," HEAD("s1",
	    "step") ",\"tasks\":[" HEAD("t1", "task") ",\"error_stack\":\"at \\\"x\\\"\\n\"" TIMES
						      "]" TIMES "]" TIMES);
}
END_TEST

START_TEST(updated_at_is_the_greatest_below)
{
	struct row late = task, other = step;

	late.updated_at = 2 * HOUR;
	other.step_position = (struct row_text)TEXT("\0\0\0\2");
	other.updated_at = HOUR;
	document_append(&document, &job);
	document_append(&document, &step);
	document_append(&document, &late);
	document_append(&document, &task);
	document_append(&document, &other);
	ck_assert_int_eq(document_end(&document), DOCUMENT_OK);
	ck_assert_int_eq(document.job_updated, 2 * HOUR);
	ck_assert_int_eq(document.step_updated, HOUR);
}
END_TEST

/* What details of a job come out as. */
static const struct {
	struct row_text details;
	const char *expected; /* NULL: a row that breaks the contract */
} details[] = {
	{ NONE, "{}" },
	{ TEXT("null"), "{}" },
	{ TEXT(" \n\tnull "), "{}" },
	{ TEXT("{\"a\" : 1e400, \"a\":-0.0}"), "{\"a\" : 1e400, \"a\":-0.0}" },
	{ TEXT("\n {\"\\u0000\":1234567890123456789012345678901234567890}"),
	    "{\"\\u0000\":1234567890123456789012345678901234567890}" },
	{ TEXT("[]"), NULL },
	{ TEXT("\"{}\""), NULL },
	{ TEXT("7"), NULL },
	{ TEXT("true"), NULL },
	{ TEXT(""), NULL },
};

START_TEST(splices_details)
{
	struct row row = job;
	char expected[400];

	if (_i & 1)
		row.status_details = details[_i / 2].details;
	else
		row.error_details = details[_i / 2].details;
	if (details[_i / 2].expected == NULL) {
		ck_assert_int_eq(document_append(&document, &row), DOCUMENT_BROKEN);
		return;
	}
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_OK);
	snprintf(expected, sizeof(expected),
	    "{\"id\":\"j1\",\"name\":\"job\",\"status\":\"active\",\"status_details\":%s,"
	    "\"error_details\":%s,\"steps\":[]" TIMES,
	    _i & 1 ? details[_i / 2].expected : "{}", _i & 1 ? "{}" : details[_i / 2].expected);
	assert_document(expected);
}
END_TEST

static const struct {
	struct row_text name;
	const char *expected;
} strings[] = {
	{ TEXT("a b+c%25&?#/"), "a b+c%25&?#/" },
	{ TEXT("\"\\"), "\\\"\\\\" },
	{ TEXT("\b\f\n\r\t\x01\x1f"), "\\b\\f\\n\\r\\t\\u0001\\u001f" },
	{ TEXT("\x7f"), "\x7f" },
	{ TEXT("\xE2\x80\xA8\xF0\x9F\x98\x80"), "\xE2\x80\xA8\xF0\x9F\x98\x80" },
	{ TEXT("\xE2\x80\xA8\""), "\xE2\x80\xA8\\\"" },
	{ TEXT(""), "" },
};

START_TEST(escapes_strings)
{
	struct row row = job;
	char expected[400];

	row.name = strings[_i].name;
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_OK);
	snprintf(expected, sizeof(expected),
	    "{\"id\":\"j1\",\"name\":\"%s\",\"status\":\"active\",\"status_details\":{},"
	    "\"error_details\":{},\"steps\":[]" TIMES,
	    strings[_i].expected);
	assert_document(expected);
}
END_TEST

/* Each byte, at each place of strings of several lengths, as json-c writes it. */
START_TEST(escapes_every_byte)
{
	char name[20], expected[400];

	for (size_t length = 1; length <= sizeof(name); length++)
		for (size_t at = 0; at < length; at++) {
			struct row row = job;
			struct json_object *string;

			memset(name, 'x', sizeof(name));
			name[at] = (char)_i;
			row.name = (struct row_text){ name, length };
			document_begin(&document);
			ck_assert_int_eq(document_append(&document, &row), DOCUMENT_OK);
			string = json_object_new_string_len(name, (int)length);
			snprintf(expected, sizeof(expected),
			    "{\"id\":\"j1\",\"name\":%s,\"status\":\"active\","
			    "\"status_details\":{},\"error_details\":{},\"steps\":[]" TIMES,
			    json_object_to_json_string_ext(
				string, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
			json_object_put(string);
			assert_document(expected);
		}
}
END_TEST

static const struct {
	struct row_text status;
	enum document_result result;
} statuses[] = {
	{ TEXT("created"), DOCUMENT_OK },
	{ TEXT("pending"), DOCUMENT_OK },
	{ TEXT("active"), DOCUMENT_OK },
	{ TEXT("cancelled"), DOCUMENT_OK },
	{ TEXT("cancelling"), DOCUMENT_OK },
	{ TEXT("error"), DOCUMENT_OK },
	{ TEXT("completed"), DOCUMENT_OK },
	{ TEXT("paused"), DOCUMENT_OK },
	{ TEXT("pausing"), DOCUMENT_OK },
	{ TEXT("resuming"), DOCUMENT_OK },
	{ TEXT("Active"), DOCUMENT_BROKEN },
	{ TEXT("activ"), DOCUMENT_BROKEN },
	{ TEXT("active "), DOCUMENT_BROKEN },
	{ TEXT(""), DOCUMENT_BROKEN },
	{ NONE, DOCUMENT_BROKEN },
};

START_TEST(knows_statuses)
{
	struct row row = job;

	row.status = statuses[_i].status;
	ck_assert_int_eq(document_append(&document, &row), statuses[_i].result);
}
END_TEST

/* What the text of a column `data` gives: a status, and what it comes out as. */
static const struct {
	struct row_text status;
	const char *any; /* with any status accepted; NULL: it breaks the contract all the same */
	bool known;
} encoded[] = {
	{ TEXT("\"active\""), "\"active\"", true },
	{ TEXT("\"\\u0061ctive\""), "\"\\u0061ctive\"", true },
	{ TEXT("\"archived\""), "\"archived\"", false },
	{ TEXT("\"a\\u0000\\\"b\""), "\"a\\u0000\\\"b\"", false },
	{ TEXT("\"\""), "\"\"", false },
	{ TEXT("null"), NULL, false },
	{ TEXT("1"), NULL, false },
	{ TEXT("[\"active\"]"), NULL, false },
	{ NONE, NULL, false },
};

START_TEST(takes_encoded_statuses)
{
	struct row row = job;
	char expected[400];

	row.encoded = true;
	row.status = encoded[_i].status;
	ck_assert_int_eq(
	    document_append(&document, &row), encoded[_i].known ? DOCUMENT_OK : DOCUMENT_BROKEN);
	document_begin(&document);
	document.accept_unknown_status = true;
	ck_assert_int_eq(document_append(&document, &row),
	    encoded[_i].any != NULL ? DOCUMENT_OK : DOCUMENT_BROKEN);
	if (encoded[_i].any == NULL)
		return;
	snprintf(expected, sizeof(expected),
	    "{\"id\":\"j1\",\"name\":\"job\",\"status\":%s,\"status_details\":{},"
	    "\"error_details\":{},\"steps\":[]" TIMES,
	    encoded[_i].any);
	assert_document(expected);
}
END_TEST

START_TEST(accepts_any_status)
{
	struct row row = job;

	document.accept_unknown_status = true;
	row.status = (struct row_text)TEXT("\"new\"");
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_OK);
	row.status = (struct row_text)NONE;
	document_begin(&document);
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_BROKEN);
}
END_TEST

/* The error stack of a task as a JSON value, and what it comes out as; NULL as above. */
static const struct {
	struct row_text stack;
	const char *expected, *compat;
} stacks[] = {
	{ NONE, "\"\"", "null" },
	{ TEXT("null"), "\"\"", "null" },
	{ TEXT("\"\""), "\"\"", "\"\"" },
	{ TEXT("\"a\\nb\\u0000\\ud800\""), "\"a\\nb\\u0000\\ud800\"", "\"a\\nb\\u0000\\ud800\"" },
	{ TEXT("{}"), NULL, NULL },
	{ TEXT("1"), NULL, NULL },
};

START_TEST(takes_encoded_stacks)
{
	bool compat = _i % 2;
	const char *stack = compat ? stacks[_i / 2].compat : stacks[_i / 2].expected;
	struct row row = task;
	struct sink sink = { 0 };
	char expected[100];

	document.compat = compat ? COMPAT_NEMO_PLATFORM : COMPAT_NONE;
	document_append(&document, &job);
	document_append(&document, &step);
	row.encoded = true;
	row.status = (struct row_text)TEXT("\"active\"");
	row.error_stack = stacks[_i / 2].stack;
	ck_assert_int_eq(
	    document_append(&document, &row), stack != NULL ? DOCUMENT_OK : DOCUMENT_BROKEN);
	if (stack == NULL)
		return;
	document_end(&document);
	body_send(&body, sink_take, &sink);
	snprintf(expected, sizeof(expected), ",\"error_stack\":%s,\"created_at\"", stack);
	ck_assert_ptr_nonnull(strstr(sink.bytes, expected));
	free(sink.bytes);
}
END_TEST

#define NAIVE ",\"created_at\":\"2000-01-01T00:00:00\",\"updated_at\":\"2000-01-01T00:00:00\"}"

START_TEST(keeps_the_platforms_habits)
{
	struct row first = job, late = task;

	document.compat = COMPAT_NEMO_PLATFORM;
	first.error_details = (struct row_text)TEXT(" null");
	late.updated_at = 500000;
	document_append(&document, &first);
	document_append(&document, &step);
	document_append(&document, &late);
	assert_document(
	    "{\"id\":\"j1\",\"name\":\"job\",\"status\":\"active\",\"status_details\":{},"
	    "\"error_details\":null,\"steps\":[" HEAD("s1", "step") ",\"tasks\":[" HEAD(
		"t1", "task") ",\"error_stack\":null,"
			      "\"created_at\":\"2000-01-01T00:00:00\","
			      "\"updated_at\":\"2000-01-01T00:00:00.500000\"}]" NAIVE "]" NAIVE);
}
END_TEST

/* Rows that our tables keep out and a view may have. */
START_TEST(refuses_misplaced_rows)
{
	struct row orphan = task;

	orphan.step_position = (struct row_text)TEXT("\0\0\0\2");
	ck_assert_int_eq(document_append(&document, &step), DOCUMENT_BROKEN);
	ck_assert_int_eq(document_append(&document, &task), DOCUMENT_BROKEN);
	ck_assert_int_eq(document_append(&document, &job), DOCUMENT_OK);
	ck_assert_int_eq(document_append(&document, &job), DOCUMENT_BROKEN);
	ck_assert_int_eq(document_append(&document, &task), DOCUMENT_BROKEN);
	ck_assert_int_eq(document_append(&document, &step), DOCUMENT_OK);
	ck_assert_int_eq(document_append(&document, &orphan), DOCUMENT_BROKEN);
	ck_assert_int_eq(document_append(&document, &step), DOCUMENT_BROKEN);
	ck_assert_int_eq(document_append(&document, &task), DOCUMENT_OK);
}
END_TEST

START_TEST(refuses_rows_without_values)
{
	struct row row = job;

	row.id.bytes = NULL;
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_BROKEN);
	row = job;
	row.name.bytes = NULL;
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_BROKEN);
	row = job;
	row.created_at = INT64_MIN;
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_BROKEN);
	row = job;
	row.updated_at = INT64_MAX;
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_BROKEN);
}
END_TEST

START_TEST(begins_anew)
{
	document_append(&document, &job);
	document_append(&document, &step);
	document_begin(&document);
	ck_assert_int_eq(document_append(&document, &job), DOCUMENT_OK);
	assert_document(HEAD("j1", "job") ",\"steps\":[]" TIMES);
}
END_TEST

START_TEST(tells_when_full)
{
	static char stack[BODY_MEMORY_MAX];
	struct row row = task;

	memset(stack, 'x', sizeof(stack));
	row.error_stack = (struct row_text){ stack, sizeof(stack) };
	setenv("TMPDIR", "/nonexistent", 1);
	document_append(&document, &job);
	document_append(&document, &step);
	ck_assert_int_eq(document_append(&document, &row), DOCUMENT_FULL);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int
main(void)
{
	Suite *suite = suite_create("document");
	TCase *tcase = tcase_create("document");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, job_without_steps);
	tcase_add_test(tcase, steps_and_tasks);
	tcase_add_test(tcase, updated_at_is_the_greatest_below);
	tcase_add_loop_test(tcase, splices_details, 0, 2 * COUNT(details));
	tcase_add_loop_test(tcase, escapes_strings, 0, COUNT(strings));
	tcase_add_loop_test(tcase, escapes_every_byte, 0, 256);
	tcase_add_loop_test(tcase, knows_statuses, 0, COUNT(statuses));
	tcase_add_loop_test(tcase, takes_encoded_statuses, 0, COUNT(encoded));
	tcase_add_test(tcase, accepts_any_status);
	tcase_add_loop_test(tcase, takes_encoded_stacks, 0, 2 * COUNT(stacks));
	tcase_add_test(tcase, keeps_the_platforms_habits);
	tcase_add_test(tcase, refuses_misplaced_rows);
	tcase_add_test(tcase, refuses_rows_without_values);
	tcase_add_test(tcase, begins_anew);
	tcase_add_test(tcase, tells_when_full);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
