/*
 * Status and headers, byte by byte.
 */
#include "response.h"
#include "sink.h"
#include "suite.h"

#define HEADERS \
	"Content-Type: application/json\r\nContent-Length: 2\r\nCache-Control: no-cache\r\n" \
	"X-Content-Type-Options: nosniff\r\n\r\n"
#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

static const struct {
	int status;
	bool head, with_body;
	const char *expected;
} cases[] = {
	{ 200, false, true, "Status: 200 OK\r\n" HEADERS "{}" },
	{ 200, true, true, "Status: 200 OK\r\n" HEADERS },
	{ 204, false, false, "Status: 204 No Content\r\n" ALLOW "\r\n" },
	{ 404, false, true, "Status: 404 Not Found\r\n" HEADERS "{}" },
	{ 405, false, true, "Status: 405 Method Not Allowed\r\n" ALLOW HEADERS "{}" },
	{ 422, false, true, "Status: 422 Unprocessable Entity\r\n" HEADERS "{}" },
	{ 500, false, true, "Status: 500 Internal Server Error\r\n" HEADERS "{}" },
	{ 503, false, true, "Status: 503 Service Unavailable\r\nRetry-After: 1\r\n" HEADERS "{}" },
	{ 503, true, true, "Status: 503 Service Unavailable\r\nRetry-After: 1\r\n" HEADERS },
};

START_TEST(writes)
{
	struct sink sink = { 0 };
	struct body body;

	body_open(&body);
	body_append(&body, "{}", 2);
	ck_assert_int_eq(response_write(cases[_i].status, cases[_i].head,
			     cases[_i].with_body ? &body : NULL, sink_take, &sink),
	    0);
	ck_assert_str_eq(sink.bytes, cases[_i].expected);
	body_close(&body);
	free(sink.bytes);
}
END_TEST

START_TEST(passes_refusal_on)
{
	struct sink sink = { .limit = 1 };
	struct body body;

	body_open(&body);
	ck_assert_int_eq(response_write(200, false, &body, sink_take, &sink), -1);
	body_close(&body);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("response");
	TCase *tcase = tcase_create("response");

	tcase_add_loop_test(tcase, writes, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, passes_refusal_on);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
