/*
 * The hosts of a conninfo, written as host|hostaddr|port|target_session_attrs; - is none.
 */
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "suite.h"

static const struct {
	const char *database, *expected;
} cases[] = {
	{ "", "-|-|-|-\n" },
	{ "host=a port=1", "-|-|-|-\n" },
	{ "host=a,b,c", "a|-|5432|-\nb|-|5432|-\nc|-|5432|-\n" },
	{ "host=a,b port=1,2", "a|-|1|-\nb|-|2|-\n" },
	{ "host=a,b port=7", "a|-|7|-\nb|-|7|-\n" },
	{ "host=a,b hostaddr=127.0.0.1,127.0.0.2", "a|127.0.0.1|5432|-\nb|127.0.0.2|5432|-\n" },
	{ "postgresql://a:1,b:2/db", "a|-|1|-\nb|-|2|-\n" },
	{ "host=a,b target_session_attrs=primary", "a|-|5432|-\nb|-|5432|-\n" },
	{ "host=a,b target_session_attrs=prefer-standby",
	    "a|-|5432|standby\nb|-|5432|standby\na|-|5432|any\nb|-|5432|any\n" },
};

static const char *
shown(const char *text)
{
	return text != NULL ? text : "-";
}

START_TEST(splits)
{
	char text[400] = "";
	struct host_list list;

	ck_assert_int_eq(host_list_open(&list, cases[_i].database), 0);
	for (size_t i = 0; i < list.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|%s|%s|%s\n",
		    shown(list.hosts[i].host), shown(list.hosts[i].hostaddr),
		    shown(list.hosts[i].port), shown(list.hosts[i].session_attrs));
	host_list_close(&list);
	ck_assert_str_eq(text, cases[_i].expected);
}
END_TEST

START_TEST(reads_environment)
{
	struct host_list list;

	setenv("PGHOST", "a,b", 1);
	ck_assert_int_eq(host_list_open(&list, "port=7"), 0);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(list.hosts[1].host, "b");
	ck_assert_str_eq(list.hosts[1].port, "7");
	host_list_close(&list);
	ck_assert_int_eq(host_list_open(&list, "host=c"), 0);
	ck_assert_uint_eq(list.count, 1);
	host_list_close(&list);
}
END_TEST

START_TEST(parameters)
{
	const struct host host = { .host = "b", .port = "7" };
	const char *keywords[HOST_KEYWORDS], *values[HOST_KEYWORDS];
	size_t n = 0;

	host_parameters(&host, "dbname=x", keywords, values);
	while (keywords[n] != NULL)
		n++;
	ck_assert_uint_eq(n, 5);
	ck_assert_str_eq(keywords[1], "dbname");
	ck_assert_str_eq(values[1], "dbname=x");
	ck_assert_str_eq(keywords[2], "client_encoding");
	ck_assert_str_eq(keywords[3], "host");
	ck_assert_str_eq(values[4], "7");
}
END_TEST

int
main(void)
{
	static const char *const variables[] = { "PGHOST", "PGHOSTADDR", "PGPORT",
		"PGTARGETSESSIONATTRS" };
	Suite *suite = suite_create("host");
	TCase *tcase = tcase_create("host");

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	tcase_add_loop_test(tcase, splits, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, reads_environment);
	tcase_add_test(tcase, parameters);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
