/*
 * The bodies of errors, byte by byte.
 */
#include <stdio.h>

#include "body.h"
#include "errors.h"
#include "request.h"
#include "sink.h"
#include "suite.h"

#define PATTERN "^[^\\\\u0000-\\\\u001f\\\\u007f-\\\\u009f]*$"

static const struct {
	const char *path, *expected;
} cases[] = {
	{ "/apis/jobs/v2/workspaces/a\tb/jobs/j/status",
	    "{\"detail\":[{\"type\":\"string_pattern_mismatch\",\"loc\":[\"path\",\"workspace\"],"
	    "\"msg\":\"String should match pattern '" PATTERN "'\",\"input\":\"a\\tb\","
	    "\"ctx\":{\"pattern\":\"" PATTERN "\"}}]}" },
	{ "/apis/jobs/v2/workspaces/w/jobs/a\xff\xc3\xa9\xc0\xafz/status",
	    "{\"detail\":[{\"type\":\"string_unicode\",\"loc\":[\"path\",\"name\"],\"msg\":\"Input should"
	    " be a valid string, unable to parse raw data as a unicode string\","
	    "\"input\":\"a\xEF\xBF\xBD\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBDz\"}]}" },
	{ "/apis/jobs/v2/workspaces/\xff/jobs/\x7f/status",
	    "{\"detail\":[{\"type\":\"string_unicode\",\"loc\":[\"path\",\"workspace\"],\"msg\":\"Input"
	    " should be a valid string, unable to parse raw data as a unicode string\","
	    "\"input\":\"\xEF\xBF\xBD\"},{\"type\":\"string_pattern_mismatch\",\"loc\":[\"path\","
	    "\"name\"],\"msg\":\"String should match pattern '" PATTERN "'\",\"input\":\"\x7f\","
	    "\"ctx\":{\"pattern\":\"" PATTERN "\"}}]}" },
};

static void
assert_body(struct body *body, const char *expected)
{
	struct sink sink = { 0 };

	body_send(body, sink_take, &sink);
	ck_assert_str_eq(sink.bytes, expected);
	free(sink.bytes);
	body_close(body);
}

START_TEST(validation)
{
	struct request request;
	struct body body;

	body_open(&body);
	ck_assert_int_eq(request_parse(&request, "GET", "", cases[_i].path, NULL), 422);
	ck_assert_int_eq(errors_validation(&body, &request), 0);
	request_free(&request);
	assert_body(&body, cases[_i].expected);
}
END_TEST

START_TEST(too_long)
{
	char path[400] = "/apis/jobs/v2/workspaces/w/jobs/", expected[800], name[257];
	struct request request;
	struct body body;

	memset(name, 'n', 256);
	name[256] = '\0';
	strcat(path, name);
	strcat(path, "/status");
	snprintf(expected, sizeof(expected),
	    "{\"detail\":[{\"type\":\"string_too_long\",\"loc\":[\"path\",\"name\"],\"msg\":\"String should"
	    " have at most 255 characters\",\"input\":\"%s\",\"ctx\":{\"max_length\":255}}]}",
	    name);
	body_open(&body);
	ck_assert_int_eq(request_parse(&request, "GET", NULL, path, NULL), 422);
	ck_assert_int_eq(errors_validation(&body, &request), 0);
	request_free(&request);
	assert_body(&body, expected);
}
END_TEST

START_TEST(detail)
{
	struct body body;

	body_open(&body);
	body_append(&body, "half a document", 15);
	ck_assert_int_eq(errors_detail(&body, "Job not found"), 0);
	assert_body(&body, "{\"detail\":\"Job not found\"}");
}
END_TEST

START_TEST(status)
{
	struct body body;

	body_open(&body);
	ck_assert_int_eq(errors_status(&body, "ready", NULL), 0);
	assert_body(&body, "{\"status\":\"ready\"}");
	body_open(&body);
	ck_assert_int_eq(errors_status(&body, "not ready", "no \"connection\""), 0);
	assert_body(&body, "{\"status\":\"not ready\",\"reason\":\"no \\\"connection\\\"\"}");
}
END_TEST

static const struct {
	const char *path, *expected;
} absent[] = {
	{ "/apis/jobs/v2/workspaces/w/jobs/x/status",
	    "{\"detail\":\"Job 'x' not found in workspace 'w'.\"}" },
	{ "/apis/jobs/v2/workspaces/a\"b/jobs/c\\d'%s/status",
	    "{\"detail\":\"Job 'c\\\\d'%s' not found in workspace 'a\\\"b'.\"}" },
};

START_TEST(absence)
{
	struct request request;
	struct body body;

	body_open(&body);
	ck_assert_int_eq(request_parse(&request, "GET", NULL, absent[_i].path, NULL), 200);
	ck_assert_int_eq(errors_absent(&body, &request, COMPAT_NEMO_PLATFORM), 0);
	request_free(&request);
	assert_body(&body, absent[_i].expected);
}
END_TEST

/* 255 characters of four bytes in both names. */
START_TEST(longest_absence)
{
	char path[4096] = "/apis/jobs/v2/workspaces/", names[2][1021] = { "", "" }, expected[4096];
	struct request request;
	struct body body;

	for (int i = 0; i < 255; i++) {
		memcpy(names[0] + 4 * i, "\xF0\x9F\x98\x80", 4);
		memcpy(names[1] + 4 * i, "\xF4\x8F\xBF\xBF", 4);
	}
	snprintf(path, sizeof(path), "/apis/jobs/v2/workspaces/%.1020s/jobs/%.1020s/status",
	    names[0], names[1]);
	snprintf(expected, sizeof(expected),
	    "{\"detail\":\"Job '%.1020s' not found in workspace '%.1020s'.\"}", names[1], names[0]);
	body_open(&body);
	ck_assert_int_eq(request_parse(&request, "GET", NULL, path, NULL), 200);
	ck_assert_int_eq(errors_absent(&body, &request, COMPAT_NEMO_PLATFORM), 0);
	request_free(&request);
	assert_body(&body, expected);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("errors");
	TCase *tcase = tcase_create("errors");

	tcase_add_loop_test(tcase, validation, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, too_long);
	tcase_add_test(tcase, detail);
	tcase_add_test(tcase, status);
	tcase_add_loop_test(tcase, absence, 0, sizeof(absent) / sizeof(absent[0]));
	tcase_add_test(tcase, longest_absence);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
