/*
 * The details of a wrapped command: which lines, how many, and how its end is told.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_details.h"
#include "suite.h"

static const struct {
	const char *text, *lines;
} cases[] = {
	{ "", "" },
	{ "a", "\"a\"" },
	{ "a\n", "\"a\"" },
	{ "a\nb", "\"a\",\"b\"" },
	{ "\n", "\"\"" },
	{ "a\n\nb\n\n", "\"a\",\"\",\"b\",\"\"" },
	{ "10%\r20%\r30%", "\"30%\"" },
	{ "10%\r20%\r", "\"20%\"" },
	{ "dos\r\nlines\r\n", "\"dos\",\"lines\"" },
	{ "x\r\r\n\r", "\"x\",\"\"" },
	{ "a\rb\nc\rd\n", "\"b\",\"d\"" },
	{ "say \"\\\" \t\x1b[0m/\n", "\"say \\\"\\\\\\\" \\t\\u001b[0m/\"" },
	{ "\xc3\xa9\xef\xbf\xbd", "\"\xc3\xa9\xef\xbf\xbd\"" },
};

START_TEST(shows_lines)
{
	char expected[200], *json = report_details_status(7, cases[_i].text);

	snprintf(expected, sizeof(expected), "{\"elapsed_seconds\":7,\"last_lines\":[%s]}",
	    cases[_i].lines);
	ck_assert_str_eq(json, expected);
	free(json);
}
END_TEST

static size_t
count_lines(const char *json)
{
	size_t quotes = 0;

	for (; *json != '\0'; json++)
		quotes += *json == '"';
	return quotes / 2 - 2; /* but for the keys */
}

START_TEST(shows_the_last_lines)
{
	char text[400] = "", *json;

	for (int i = 1; i <= _i; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "line %d\n", i);
	json = report_details_status(0, text);
	ck_assert_uint_eq(count_lines(json), _i < REPORT_LINES ? (size_t)_i : REPORT_LINES);
	ck_assert_int_eq(strstr(json, "\"line 1\"") != NULL, _i <= REPORT_LINES);
	ck_assert_int_eq(strstr(json, "\"line 2\"") != NULL, _i <= REPORT_LINES + 1);
	free(json);
}
END_TEST

/* Two lines that together have so many bytes more than the limit. */
START_TEST(keeps_lines_whole)
{
	char text[REPORT_LINES_BYTES + 10], *json;

	memset(text, 'x', sizeof(text));
	text[10] = '\n';
	text[REPORT_LINES_BYTES + 1 + _i] = '\0';
	json = report_details_status(0, text);
	ck_assert_uint_eq(count_lines(json), _i == 0 ? 2 : 1);
	free(json);
}
END_TEST

/* One line, of rockets, that has so many bytes more than the limit. */
START_TEST(cuts_the_last_line)
{
	char text[REPORT_LINES_BYTES + 10] = "", *json;
	const char *start = "{\"elapsed_seconds\":0,\"last_lines\":[\"";
	size_t whole = _i == 0 ? REPORT_LINES_BYTES : REPORT_LINES_BYTES - 4 + (size_t)_i % 4;

	for (int i = 0; i < REPORT_LINES_BYTES / 4; i++)
		memcpy(text + 4 * i, "\xf0\x9f\x9a\x80", 4);
	memset(text + REPORT_LINES_BYTES, 'x', (size_t)_i);
	json = report_details_status(0, text);
	ck_assert_uint_eq(strlen(json), strlen(start) + whole + strlen("\"]}"));
	ck_assert_int_eq(strncmp(json + strlen(start), "\xf0\x9f\x9a\x80", 4), 0);
	free(json);
}
END_TEST

static const struct {
	int number;
	const char *json;
} signals[] = {
	{ SIGTERM, "{\"message\":\"the command was ended by SIGTERM\",\"signal\":\"SIGTERM\"}" },
	{ SIGKILL, "{\"message\":\"the command was ended by SIGKILL\",\"signal\":\"SIGKILL\"}" },
	{ 40, "{\"message\":\"the command was ended by signal 40\",\"signal\":\"signal 40\"}" },
};

START_TEST(names_signals)
{
	char *json = report_details_signal(signals[_i].number);

	ck_assert_str_eq(json, signals[_i].json);
	free(json);
}
END_TEST

START_TEST(tells_exit_codes)
{
	char *json = report_details_exit(3, NULL);

	ck_assert_str_eq(json, "{\"message\":\"the command exited with 3\",\"exit_code\":3}");
	free(json);
	json = report_details_exit(127, "no \"x\"");
	ck_assert_str_eq(json, "{\"message\":\"no \\\"x\\\"\",\"exit_code\":127}");
	free(json);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int
main(void)
{
	Suite *suite = suite_create("report_details");
	TCase *tcase = tcase_create("report_details");

	tcase_add_loop_test(tcase, shows_lines, 0, COUNT(cases));
	tcase_add_loop_test(tcase, shows_the_last_lines, REPORT_LINES - 1, REPORT_LINES + 3);
	tcase_add_loop_test(tcase, keeps_lines_whole, 0, 2);
	tcase_add_loop_test(tcase, cuts_the_last_line, 0, 4);
	tcase_add_loop_test(tcase, names_signals, 0, COUNT(signals));
	tcase_add_test(tcase, tells_exit_codes);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
