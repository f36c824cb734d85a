/*
 * Seconds, and what is none.
 */
#include "clock.h"
#include "seconds.h"
#include "suite.h"

#define LEAST (CLOCK_SECOND / 4)
#define MOST (100 * CLOCK_SECOND)

static const struct {
	const char *value;
	int64_t nanoseconds; /* 0: refused */
} cases[] = {
	{ "1", CLOCK_SECOND },
	{ "0.25", LEAST },
	{ "0.249999999", 0 },
	{ "100", MOST },
	{ "100.000000001", 0 },
	{ "1.5", 1500000000 },
	{ "000000001", CLOCK_SECOND },
	{ "0000000001", 0 },
	{ "1.0000000019", 1000000001 },
	{ "", 0 },
	{ ".5", 0 },
	{ "5.", 0 },
	{ "1,5", 0 },
	{ "1e1", 0 },
	{ "0x10", 0 },
	{ "nan", 0 },
	{ "+1", 0 },
	{ "-1", 0 },
	{ " 1", 0 },
	{ "1 ", 0 },
};

START_TEST(reads)
{
	int64_t nanoseconds = 0;
	bool good = seconds_read(cases[_i].value, LEAST, MOST, &nanoseconds);

	ck_assert_int_eq(good, cases[_i].nanoseconds != 0);
	if (good)
		ck_assert_int_eq(nanoseconds, cases[_i].nanoseconds);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("seconds");
	TCase *tcase = tcase_create("seconds");

	tcase_add_loop_test(tcase, reads, 0, sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
