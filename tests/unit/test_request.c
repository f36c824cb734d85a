/*
 * CGI variables to requests.
 */
#include "request.h"
#include "sink.h"
#include "suite.h"

#define ROUTE "/apis/jobs/v2/workspaces/w/jobs/n/status"

static const struct {
	const char *method, *script_name, *path_info;
	int status;
} cases[] = {
	{ "GET", NULL, ROUTE, 200 },
	{ "GET", "", ROUTE, 200 },
	{ "GET", "/mount", ROUTE, 200 },
	{ "GET", ROUTE, NULL, 200 },
	{ "GET", ROUTE, "", 200 },
	{ "GET", "/apis/jobs", "/v2/workspaces/w/jobs/n/status", 200 },
	{ "GET", "/apis/jobs/v2/workspaces/w/jobs/n/sta", "tus", 200 },
	{ "HEAD", NULL, ROUTE, 200 },
	{ "OPTIONS", NULL, ROUTE, 204 },
	{ "POST", NULL, ROUTE, 405 },
	{ "get", NULL, ROUTE, 405 },
	{ "GETS", NULL, ROUTE, 405 },
	{ "", NULL, ROUTE, 405 },
	{ NULL, NULL, ROUTE, 405 },
	{ "GET", NULL, NULL, 404 },
	{ "GET", NULL, "", 404 },
	{ "GET", NULL, "/", 404 },
	{ "GET", "/mount" ROUTE, "", 404 },
	{ "GET", NULL, ROUTE "/", 404 },
	{ "GET", NULL, ROUTE "/x", 404 },
	{ "GET", NULL, "/" ROUTE, 404 },
	{ "GET", NULL, "apis/jobs/v2/workspaces/w/jobs/n/status", 404 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces//jobs/n/status", 404 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces/w/jobs//status", 404 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces/w/jobs/n", 404 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces/w/jobs/n/", 404 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces/w/jobs/n/statu", 404 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces/w/jobs/n/statuses", 404 },
	{ "GET", NULL, "/apis/jobs/V2/workspaces/w/jobs/n/status", 404 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces/w/job/n/status", 404 },
	{ "POST", NULL, "/", 404 },
	{ "OPTIONS", NULL, "/", 404 },
	{ "POST", NULL, "/apis/jobs/v2/workspaces/\x01/jobs/n/status", 405 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces/\x01/jobs/n/status", 422 },
	{ "HEAD", NULL, "/apis/jobs/v2/workspaces/w/jobs/\xff/status", 422 },
	{ "GET", NULL, "/apis/jobs/v2/workspaces/./jobs/../status", 200 },
	{ "GET", NULL, "/-/live/", 404 },
	{ "GET", NULL, "/-/", 404 },
	{ "GET", NULL, "/-/Live", 404 },
	{ "GET", NULL, "//-/live", 404 },
	{ "GET", "/mount/-/live", "", 404 },
};

START_TEST(judges)
{
	struct request request;

	ck_assert_int_eq(request_parse(&request, cases[_i].method, cases[_i].script_name,
			     cases[_i].path_info, NULL),
	    cases[_i].status);
	ck_assert(
	    request.head == (cases[_i].method != NULL && strcmp(cases[_i].method, "HEAD") == 0));
	request_free(&request);
}
END_TEST

START_TEST(takes_parameters_as_they_are)
{
	struct request request;

	ck_assert_int_eq(request_parse(&request, "GET", NULL,
			     "/apis/jobs/v2/workspaces/a%2Fb +/jobs/jobs/status", NULL),
	    200);
	ck_assert_uint_eq(request.workspace.length, 7);
	ck_assert_mem_eq(request.workspace.bytes, "a%2Fb +", 7);
	ck_assert_uint_eq(request.name.length, 4);
	ck_assert_mem_eq(request.name.bytes, "jobs", 4);
	request_free(&request);
}
END_TEST

static const struct {
	const char *script_name, *path_info;
	enum request_route route;
} routes[] = {
	{ "", ROUTE, REQUEST_JOB },
	{ NULL, "/-/live", REQUEST_LIVE },
	{ "/mount", "/-/live", REQUEST_LIVE },
	{ "/-/live", NULL, REQUEST_LIVE },
	{ "/-", "/ready", REQUEST_READY },
	{ "", "/-/metrics", REQUEST_METRICS },
};

/* Nobody need be named for what is no job's. */
START_TEST(tells_routes)
{
	static const struct {
		const char *method;
		int status;
	} methods[] = { { "GET", 200 }, { "HEAD", 200 }, { "OPTIONS", 204 }, { "POST", 405 } };
	struct request request;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		bool nobody = routes[_i].route == REQUEST_JOB && methods[i].status == 200;

		ck_assert_int_eq(request_parse(&request, methods[i].method, routes[_i].script_name,
				     routes[_i].path_info, ""),
		    nobody ? 401 : methods[i].status);
		ck_assert_int_eq(request.route, routes[_i].route);
		request_free(&request);
	}
}
END_TEST

static const struct {
	const char *piece; /* repeated */
	size_t times;
	const char *end;
	enum request_fault fault;
} names[] = {
	{ "n", 255, "", REQUEST_FAULT_NONE },
	{ "n", 256, "", REQUEST_FAULT_LENGTH },
	{ "\xF0\x9F\x9A\x80", 255, "", REQUEST_FAULT_NONE },
	{ "\xF0\x9F\x9A\x80", 256, "", REQUEST_FAULT_LENGTH },
	{ "n", 4000, "", REQUEST_FAULT_LENGTH },
	{ "n", 4000, "\xff", REQUEST_FAULT_UNICODE },
	{ "\x01", 256, "", REQUEST_FAULT_LENGTH },
	{ "n", 1, "\x1f", REQUEST_FAULT_CONTROL },
	{ "n", 1, " ", REQUEST_FAULT_NONE },
	{ "n", 1, "~", REQUEST_FAULT_NONE },
	{ "n", 1, "\x7f", REQUEST_FAULT_CONTROL },
	{ "n", 1, "\xC2\x80", REQUEST_FAULT_CONTROL },
	{ "n", 1, "\xC2\x9F", REQUEST_FAULT_CONTROL },
	{ "n", 1, "\xC2\xA0", REQUEST_FAULT_NONE },
	{ "n", 1, "\xC3", REQUEST_FAULT_UNICODE },
};

START_TEST(finds_faults)
{
	struct sink path = { 0 };
	struct request request;

	sink_take(&path, "/apis/jobs/v2/workspaces/w/jobs/", 32);
	for (size_t i = 0; i < names[_i].times; i++)
		sink_take(&path, names[_i].piece, strlen(names[_i].piece));
	sink_take(&path, names[_i].end, strlen(names[_i].end));
	sink_take(&path, "/status", 7);
	ck_assert_int_eq(request_parse(&request, "GET", NULL, path.bytes, NULL),
	    names[_i].fault == REQUEST_FAULT_NONE ? 200 : 422);
	ck_assert_int_eq(request.name.fault, names[_i].fault);
	ck_assert_int_eq(request.workspace.fault, REQUEST_FAULT_NONE);
	request_free(&request);
	free(path.bytes);
}
END_TEST

/* A principal is judged as a name is, after the method and before the parameters. */
START_TEST(wants_a_principal)
{
	struct sink principal = { 0 };
	struct request request;

	sink_take(&principal, "p", 1);
	for (size_t i = 1; i < names[_i].times; i++)
		sink_take(&principal, names[_i].piece, strlen(names[_i].piece));
	sink_take(&principal, names[_i].end, strlen(names[_i].end));
	ck_assert_int_eq(request_parse(&request, "GET", NULL, ROUTE, principal.bytes),
	    names[_i].fault == REQUEST_FAULT_NONE ? 200 : 401);
	request_free(&request);
	free(principal.bytes);
}
END_TEST

START_TEST(judges_the_principal_in_its_place)
{
	struct request request;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = cases[i].status;

		ck_assert_int_eq(request_parse(&request, cases[i].method, cases[i].script_name,
				     cases[i].path_info, ""),
		    status == 200 || status == 422 ? 401 : status);
		ck_assert(request.head ==
		    (cases[i].method != NULL && strcmp(cases[i].method, "HEAD") == 0));
		request_free(&request);
		ck_assert_int_eq(request_parse(&request, cases[i].method, cases[i].script_name,
				     cases[i].path_info, "somebody"),
		    status);
		request_free(&request);
	}
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int
main(void)
{
	Suite *suite = suite_create("request");
	TCase *tcase = tcase_create("request");

	tcase_add_loop_test(tcase, judges, 0, COUNT(cases));
	tcase_add_loop_test(tcase, wants_a_principal, 0, COUNT(names));
	tcase_add_test(tcase, judges_the_principal_in_its_place);
	tcase_add_loop_test(tcase, tells_routes, 0, sizeof(routes) / sizeof(routes[0]));
	tcase_add_test(tcase, takes_parameters_as_they_are);
	tcase_add_loop_test(tcase, finds_faults, 0, COUNT(names));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
