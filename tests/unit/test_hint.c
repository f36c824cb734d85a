/*
 * When to ask again.
 */
#include <time.h>

#include "hint.h"
#include "suite.h"

static const struct {
	int64_t rested; /* seconds */
	unsigned int least, most;
} cases[] = {
	{ -3600, 1, 1 }, /* the database's clock goes before ours */
	{ 0, 1, 1 },
	{ 10, 1, 1 },
	{ 60, 6, 6 },
	{ 299, 29, 30 },
	{ 300, HINT_MAX, HINT_MAX },
	{ 86400, HINT_MAX, HINT_MAX },
};

START_TEST(is_a_tenth_of_the_rest)
{
	int64_t now = (int64_t)time(NULL) - 946684800;
	unsigned int seconds = hint_seconds((now - cases[_i].rested) * 1000000);

	ck_assert_uint_ge(seconds, cases[_i].least);
	ck_assert_uint_le(seconds, cases[_i].most);
}
END_TEST

START_TEST(takes_any_time)
{
	ck_assert_uint_eq(hint_seconds(INT64_MIN), HINT_MAX);
	ck_assert_uint_eq(hint_seconds(INT64_MAX), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hint");
	TCase *tcase = tcase_create("hint");

	tcase_add_loop_test(
	    tcase, is_a_tenth_of_the_rest, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tcase, takes_any_time);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
