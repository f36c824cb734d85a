/*
 * The last bytes of a stream, on both sides of its limit, and what becomes of bytes that are no
 * text.
 */
#include <stdlib.h>
#include <string.h>

#include "report_tail.h"
#include "suite.h"

#define R "\xef\xbf\xbd"

static struct report_tail tail;

static void
set_up(void)
{
	memset(&tail, 0, sizeof(tail));
}

/* Adds N times C, in pieces of STEP. */
static void
add_many(char c, size_t n, size_t step)
{
	static char bytes[3 * REPORT_TAIL_BYTES];

	memset(bytes, c, sizeof(bytes));
	for (; n > 0; n -= step) {
		if (step > n)
			step = n;
		report_tail_add(&tail, bytes, step);
	}
}

static const struct {
	const char *bytes;
	size_t length;
	const char *text;
} cases[] = {
	{ "", 0, "" },
	{ "plain\n", 6, "plain\n" },
	{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80", 11, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80" },
	{ "a\0b", 3, "a" R "b" },
	{ "\xff\xfe", 2, R R },
	{ "\x80x", 2, R "x" },
	{ "\xe2\x82", 2, R R },
	{ "\xed\xa0\x80", 3, R R R },
	{ "\xc0\x80", 2, R R },
	{ "\x1b[1m\r\t\x7f", 7, "\x1b[1m\r\t\x7f" },
};

START_TEST(cleans)
{
	char *text;

	report_tail_add(&tail, cases[_i].bytes, cases[_i].length);
	text = report_tail_text(&tail);
	ck_assert_str_eq(text, cases[_i].text);
	free(text);
}
END_TEST

/* What is kept of a first byte and then so many more, added in pieces. */
static const struct {
	size_t more, step;
	char first;
} limits[] = {
	{ REPORT_TAIL_BYTES - 1, 1, 'A' },
	{ REPORT_TAIL_BYTES, 1, 'b' },
	{ REPORT_TAIL_BYTES - 1, 999, 'A' },
	{ REPORT_TAIL_BYTES, 999, 'b' },
	{ REPORT_TAIL_BYTES - 1, REPORT_TAIL_BYTES, 'A' },
	{ REPORT_TAIL_BYTES, REPORT_TAIL_BYTES, 'b' },
	{ 3 * REPORT_TAIL_BYTES, 3 * REPORT_TAIL_BYTES, 'b' },
	{ 5 * REPORT_TAIL_BYTES + 7, 1234, 'b' },
};

START_TEST(keeps_the_last_bytes)
{
	char *text;

	add_many('A', 1, 1);
	add_many('b', limits[_i].more - 1, limits[_i].step);
	report_tail_add(&tail, "Z", 1);
	text = report_tail_text(&tail);
	ck_assert_uint_eq(strlen(text), REPORT_TAIL_BYTES);
	ck_assert_int_eq(text[0], limits[_i].first);
	ck_assert_int_eq(text[1], 'b');
	ck_assert_int_eq(text[REPORT_TAIL_BYTES - 2], 'b');
	ck_assert_int_eq(text[REPORT_TAIL_BYTES - 1], 'Z');
	free(text);
}
END_TEST

/* So many of the rocket's four bytes are cut off: it is there whole, or not at all. */
START_TEST(begins_with_a_character)
{
	char *text;

	report_tail_add(&tail, "\xf0\x9f\x9a\x80", 4);
	add_many('b', REPORT_TAIL_BYTES - 4 + (size_t)_i, 777);
	text = report_tail_text(&tail);
	ck_assert_uint_eq(
	    strlen(text), _i == 0 ? REPORT_TAIL_BYTES : REPORT_TAIL_BYTES - 4 + (size_t)_i);
	ck_assert_int_eq(text[0], _i == 0 ? '\xf0' : 'b');
	free(text);
}
END_TEST

/* At the beginning of a stream that is kept whole, such bytes are no rest of anything. */
START_TEST(shows_what_begins_badly)
{
	char *text;

	report_tail_add(&tail, "\x9a\x80", 2);
	text = report_tail_text(&tail);
	ck_assert_str_eq(text, R R);
	free(text);
}
END_TEST

/* U+FFFD takes three bytes of the limit. */
START_TEST(keeps_to_its_limit)
{
	char *text;

	add_many('\xff', REPORT_TAIL_BYTES, REPORT_TAIL_BYTES);
	text = report_tail_text(&tail);
	ck_assert_uint_eq(strlen(text), REPORT_TAIL_BYTES / 3 * 3);
	ck_assert_int_eq(strncmp(text, R R, 6), 0);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("report_tail");
	TCase *tcase = tcase_create("report_tail");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_loop_test(tcase, cleans, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tcase, keeps_the_last_bytes, 0, sizeof(limits) / sizeof(limits[0]));
	tcase_add_loop_test(tcase, begins_with_a_character, 0, 5);
	tcase_add_test(tcase, shows_what_begins_badly);
	tcase_add_test(tcase, keeps_to_its_limit);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
