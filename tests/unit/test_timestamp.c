/*
 * Timestamps, against values that PostgreSQL itself gave.
 */
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "timestamp.h"

static const struct {
	int64_t microseconds;
	const char *text; /* "" for none */
} cases[] = {
	{ 0, "2000-01-01T00:00:00Z" },
	{ 1, "2000-01-01T00:00:00.000001Z" },
	{ 500000, "2000-01-01T00:00:00.5Z" },
	{ 120000, "2000-01-01T00:00:00.12Z" },
	{ -1, "1999-12-31T23:59:59.999999Z" },
	{ 5097599999999, "2000-02-28T23:59:59.999999Z" },
	{ 5097600000000, "2000-02-29T00:00:00Z" },
	{ 5184000000000, "2000-03-01T00:00:00Z" },
	{ 31536000000000, "2000-12-31T00:00:00Z" },
	{ 770544000000000, "2024-06-01T08:00:00Z" },
	{ -946684800000000, "1970-01-01T00:00:00Z" },
	{ -946684800000001, "1969-12-31T23:59:59.999999Z" },
	{ 1200798848000000, "2038-01-19T03:14:08Z" },
	{ -3150662400000000, "1900-02-28T00:00:00Z" },
	{ -3150576000000000, "1900-03-01T00:00:00Z" },
	{ 3160857600000000, "2100-03-01T00:00:00Z" },
	{ 252455615999999999, "9999-12-31T23:59:59.999999Z" },
	{ 252455616000000000, "" },
	{ -63082281600000000, "0001-01-01T00:00:00Z" },
	{ -63082281600000001, "" },
	{ INT64_MAX, "" },
	{ INT64_MIN, "" },
};

START_TEST(formats)
{
	char text[TIMESTAMP_LENGTH + 1];

	text[timestamp_format(text, cases[_i].microseconds, TIMESTAMP_UTC)] = '\0';
	ck_assert_str_eq(text, cases[_i].text);
}
END_TEST

static const struct {
	int64_t microseconds;
	const char *text;
} naive[] = {
	{ 0, "2000-01-01T00:00:00" },
	{ 1, "2000-01-01T00:00:00.000001" },
	{ 155420, "2000-01-01T00:00:00.155420" },
	{ 500000, "2000-01-01T00:00:00.500000" },
	{ 1000000, "2000-01-01T00:00:01" },
	{ -1, "1999-12-31T23:59:59.999999" },
	{ INT64_MAX, "" },
};

START_TEST(formats_without_an_offset)
{
	char text[TIMESTAMP_LENGTH + 1];

	text[timestamp_format(text, naive[_i].microseconds, TIMESTAMP_NAIVE)] = '\0';
	ck_assert_str_eq(text, naive[_i].text);
}
END_TEST

/* Every day of the range follows the one before it as days of the calendar do. */
START_TEST(counts_days)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t at = cases[18].microseconds;
	char text[TIMESTAMP_LENGTH + 1], expected[40];

	for (int year = 1; year <= 9999; year++)
		for (int month = 1; month <= 12; month++) {
			int leap =
			    month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));

			for (int day = 1; day <= lengths[month - 1] + leap;
			     day++, at += 86400000000) {
				text[timestamp_format(text, at, TIMESTAMP_UTC)] = '\0';
				snprintf(expected, sizeof(expected), "%04d-%02d-%02dT00:00:00Z",
				    year, month, day);
				if (strcmp(text, expected) != 0)
					ck_abort_msg("%s, not %s", text, expected);
			}
		}
	ck_assert_int_eq(at, 252455616000000000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("timestamp");
	TCase *tcase = tcase_create("timestamp");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, formats, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tcase, formats_without_an_offset, 0, sizeof(naive) / sizeof(naive[0]));
	tcase_add_test(tcase, counts_days);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
