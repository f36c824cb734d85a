/*
 * SQLSTATEs to exit codes.
 */
#include <string.h>
#include <sysexits.h>

#include "report_outcome.h"
#include "suite.h"

static const struct {
	const char *sqlstate;
	int code;
	const char *hint; /* is in what is said */
} cases[] = {
	{ "JS001", EX_NOINPUT, NULL },
	{ "JS002", EX_NOINPUT, NULL },
	{ "JS003", EX_CANTCREAT, NULL },
	{ "JS004", EX_PROTOCOL, NULL },
	{ "JS005", EX_DATAERR, NULL },
	{ "22P02", EX_DATAERR, NULL },
	{ "22021", EX_DATAERR, NULL },
	{ "54001", EX_DATAERR, NULL },
	{ "28000", EX_NOPERM, NULL },
	{ "28P01", EX_NOPERM, NULL },
	{ "42501", EX_NOPERM, NULL },
	{ "3D000", EX_NOPERM, NULL },
	{ "3F000", EX_NOPERM, "sql/reporting.sql" },
	{ "42883", EX_NOPERM, "sql/reporting.sql" },
	{ "", EX_TEMPFAIL, NULL },
	{ "08006", EX_TEMPFAIL, NULL },
	{ "25006", EX_TEMPFAIL, NULL },
	{ "40001", EX_TEMPFAIL, NULL },
	{ "40P01", EX_TEMPFAIL, NULL },
	{ "53300", EX_TEMPFAIL, NULL },
	{ "55P03", EX_TEMPFAIL, NULL },
	{ "57014", EX_TEMPFAIL, NULL },
	{ "57P01", EX_TEMPFAIL, NULL },
	{ "57P03", EX_TEMPFAIL, NULL },
	{ "58030", EX_TEMPFAIL, NULL },
	{ "JS006", EX_SOFTWARE, NULL },
	{ "42703", EX_SOFTWARE, NULL },
	{ "25001", EX_SOFTWARE, NULL },
	{ "55000", EX_SOFTWARE, NULL },
	{ "XX000", EX_SOFTWARE, NULL },
	{ "P0001", EX_SOFTWARE, NULL },
};

START_TEST(judges)
{
	const char *hint = "x";

	ck_assert_int_eq(report_outcome(cases[_i].sqlstate, &hint), cases[_i].code);
	if (cases[_i].hint == NULL)
		ck_assert_ptr_null(hint);
	else
		ck_assert_ptr_nonnull(strstr(hint, cases[_i].hint));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("report_outcome");
	TCase *tcase = tcase_create("report_outcome");

	tcase_add_loop_test(tcase, judges, 0, sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
