/*
 * Status and headers, byte by byte.
 */
#include "response.h"
#include "sink.h"
#include "suite.h"

#define NO_CACHE "Cache-Control: no-cache\r\n"
#define HEADERS \
	"Content-Type: application/json\r\nContent-Length: 2\r\n" NO_CACHE \
	"X-Content-Type-Options: nosniff\r\n"
#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"
#define TAG "\"0123456789abcdef0123456789abcdef\""

static const struct {
	int status;
	bool head, with_body, with_tag;
	unsigned int retry_after;
	const char *expected;
} cases[] = {
	{ 200, false, true, true, 0, "Status: 200 OK\r\n" HEADERS "ETag: " TAG "\r\n\r\n{}" },
	{ 200, false, true, true, 30,
	    "Status: 200 OK\r\n" HEADERS "ETag: " TAG "\r\nRetry-After: 30\r\n\r\n{}" },
	{ 200, true, true, true, 0, "Status: 200 OK\r\n" HEADERS "ETag: " TAG "\r\n\r\n" },
	{ 204, false, false, false, 0, "Status: 204 No Content\r\n" ALLOW "\r\n" },
	{ 304, false, false, true, 0,
	    "Status: 304 Not Modified\r\n" NO_CACHE "ETag: " TAG "\r\n\r\n" },
	{ 304, true, false, true, 7,
	    "Status: 304 Not Modified\r\n" NO_CACHE "ETag: " TAG "\r\nRetry-After: 7\r\n\r\n" },
	{ 404, false, true, false, 0, "Status: 404 Not Found\r\n" HEADERS "\r\n{}" },
	{ 405, false, true, false, 0, "Status: 405 Method Not Allowed\r\n" ALLOW HEADERS "\r\n{}" },
	{ 422, false, true, false, 0, "Status: 422 Unprocessable Entity\r\n" HEADERS "\r\n{}" },
	{ 500, false, true, false, 0, "Status: 500 Internal Server Error\r\n" HEADERS "\r\n{}" },
	{ 503, false, true, false, 0,
	    "Status: 503 Service Unavailable\r\nRetry-After: 1\r\n" HEADERS "\r\n{}" },
	{ 503, true, true, false, 0,
	    "Status: 503 Service Unavailable\r\nRetry-After: 1\r\n" HEADERS "\r\n" },
};

START_TEST(writes)
{
	static const struct tag tag = { TAG };
	struct sink sink = { 0 };
	struct body body;
	const struct response response = { .status = cases[_i].status,
		.head = cases[_i].head,
		.tag = cases[_i].with_tag ? &tag : NULL,
		.retry_after = cases[_i].retry_after,
		.body = cases[_i].with_body ? &body : NULL };

	body_open(&body);
	body_append(&body, "{}", 2);
	ck_assert_int_eq(response_write(&response, sink_take, &sink), 0);
	ck_assert_str_eq(sink.bytes, cases[_i].expected);
	body_close(&body);
	free(sink.bytes);
}
END_TEST

/* What depends on who asks says so, with a body or without one. */
START_TEST(writes_what_is_private)
{
	static const struct {
		int status;
		const char *expected;
	} answers[] = {
		{ 200,
		    "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n"
		    "Cache-Control: private, no-cache\r\nX-Content-Type-Options: nosniff\r\n\r\n" },
		{ 304, "Status: 304 Not Modified\r\nCache-Control: private, no-cache\r\n\r\n" },
		{ 401,
		    "Status: 401 Unauthorized\r\nContent-Type: application/json\r\n"
		    "Content-Length: 0\r\nCache-Control: private, no-cache\r\n"
		    "X-Content-Type-Options: nosniff\r\nWWW-Authenticate: Basic x\r\n\r\n" },
	};
	struct sink sink = { 0 };
	struct body body;
	const struct response response = { .status = answers[_i].status,
		.private = true,
		.challenge = answers[_i].status == 401 ? "Basic x" : NULL,
		.body = answers[_i].status == 304 ? NULL : &body };

	body_open(&body);
	ck_assert_int_eq(response_write(&response, sink_take, &sink), 0);
	ck_assert_str_eq(sink.bytes, answers[_i].expected);
	body_close(&body);
	free(sink.bytes);
}
END_TEST

/* The longest challenge that there may be is written whole. */
START_TEST(writes_a_long_challenge)
{
	char challenge[256];
	struct sink sink = { 0 };
	struct body body;
	const struct response response = {
		.status = 401, .head = true, .private = true, .challenge = challenge, .body = &body
	};

	memset(challenge, 'c', sizeof(challenge) - 1);
	challenge[sizeof(challenge) - 1] = '\0';
	body_open(&body);
	ck_assert_int_eq(response_write(&response, sink_take, &sink), 0);
	ck_assert_ptr_nonnull(strstr(sink.bytes, challenge));
	ck_assert_str_eq(sink.bytes + strlen(sink.bytes) - 5, "c\r\n\r\n");
	body_close(&body);
	free(sink.bytes);
}
END_TEST

START_TEST(passes_refusal_on)
{
	struct sink sink = { .limit = 1 };
	struct body body;

	body_open(&body);
	ck_assert_int_eq(
	    response_write(&(struct response){ .status = 200, .body = &body }, sink_take, &sink),
	    -1);
	body_close(&body);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("response");
	TCase *tcase = tcase_create("response");

	tcase_add_loop_test(tcase, writes, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tcase, writes_what_is_private, 0, 3);
	tcase_add_test(tcase, writes_a_long_challenge);
	tcase_add_test(tcase, passes_refusal_on);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
