/*
 * Failures in words that a client may see.
 */
#include <string.h>

#include "failure.h"
#include "suite.h"

static const struct {
	enum failure_kind kind;
	const char *sqlstate, *reason;
} cases[] = {
	{ FAILURE_CONNECT, "", "no connection" },
	{ FAILURE_CONNECT, "28P01", "no connection: the login is refused (SQLSTATE 28P01)" },
	{ FAILURE_CONNECT, "28000", "no connection: the login is refused (SQLSTATE 28000)" },
	{ FAILURE_CONNECT, "3D000", "no connection: the database does not exist (SQLSTATE 3D000)" },
	{ FAILURE_CONNECT, "53300", "no connection: too many connections (SQLSTATE 53300)" },
	{ FAILURE_REFUSED, "42501", "refused: a right is missing (SQLSTATE 42501)" },
	{ FAILURE_REFUSED, "42P01", "refused: a relation is missing (SQLSTATE 42P01)" },
	{ FAILURE_REFUSED, "42883", "refused (SQLSTATE 42883)" },
	{ FAILURE_CHANGED, "42703", "refused: a column is missing (SQLSTATE 42703)" },
	{ FAILURE_TIMEOUT, "", "no answer in time" },
	{ FAILURE_SLOW, "", "an answer took too long" },
	{ FAILURE_MEMORY, "", "no memory" },
};

START_TEST(has_a_reason)
{
	struct failure failure;
	char reason[200];

	ck_assert_int_eq(failure_set(&failure, cases[_i].kind, "sekrit"), -1);
	strcpy(failure.sqlstate, cases[_i].sqlstate);
	failure_reason(&failure, reason, sizeof(reason));
	ck_assert_str_eq(reason, cases[_i].reason);
}
END_TEST

START_TEST(keeps_one_line)
{
	struct failure failure;

	failure_set(&failure, FAILURE_LOST, "one\ntwo");
	ck_assert_str_eq(failure.text, "one");
	ck_assert_str_eq(failure.sqlstate, "");
	ck_assert_str_eq(failure_cause(&failure), "the session was lost");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("failure");
	TCase *tcase = tcase_create("failure");

	tcase_add_loop_test(tcase, has_a_reason, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, keeps_one_line);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
