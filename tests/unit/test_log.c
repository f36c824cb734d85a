/*
 * Log lines, as they arrive on descriptor 2.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "suite.h"

static int ends[2];

static void
set_up(void)
{
	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	unsetenv("JOURNAL_STREAM");
}

static const char *
written(void)
{
	static char text[16384];
	ssize_t n;

	close(STDERR_FILENO);
	n = read(ends[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* What was written, but for the time that each line must begin with. */
static const char *
written_in_time(void)
{
	static const char form[] = "time=0000-00-00T00:00:00.000Z ";
	static char rest[16384];
	const char *line = written();

	rest[0] = '\0';
	while (*line != '\0') {
		size_t length = strcspn(line, "\n") + 1;

		for (size_t i = 0; i < strlen(form); i++)
			ck_assert_int_eq(form[i], line[i] >= '0' && line[i] <= '9' ? '0' : line[i]);
		strncat(rest, line + strlen(form), length - strlen(form));
		line += length;
	}
	return rest;
}

START_TEST(writes_lines)
{
	log_error("a %d", 1);
	log_warning("b");
	log_info("c");
	log_debug("d");
	ck_assert_str_eq(
	    written(), "jobstatus: error: a 1\njobstatus: warning: b\njobstatus: info: c\n");
}
END_TEST

#define WRITTEN(level, text) "level=" level " program=jobstatus msg=" text "\n"

START_TEST(keeps_to_its_level)
{
	static const char *const expected[] = {
		[LOG_LEVEL_ERROR] = WRITTEN("error", "e"),
		[LOG_LEVEL_WARNING] = WRITTEN("error", "e") WRITTEN("warning", "w"),
		[LOG_LEVEL_INFO] =
		    WRITTEN("error", "e") WRITTEN("warning", "w") WRITTEN("info", "i"),
		[LOG_LEVEL_DEBUG] = (WRITTEN("error", "e") WRITTEN("warning", "w")
			WRITTEN("info", "i") WRITTEN("debug", "d")),
	};

	log_open(LOG_TARGET_STDERR, (enum log_level)_i);
	log_error("e");
	log_warning("w");
	log_info("i");
	log_debug("d");
	ck_assert_str_eq(written_in_time(), expected[_i]);
}
END_TEST

START_TEST(escapes_control_characters)
{
	log_error("%s", "a\nb\x1b[2J\x7f\xc3\xa9");
	ck_assert_str_eq(written(), "jobstatus: error: a\\x0ab\\x1b[2J\\x7f\xc3\xa9\n");
}
END_TEST

START_TEST(has_a_name)
{
	log_name("jobstatus-report");
	log_error("x");
	ck_assert_str_eq(written(), "jobstatus-report: error: x\n");
}
END_TEST

START_TEST(cuts_long_text)
{
	char text[5001];

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
	ck_assert_uint_eq(strlen(written()), strlen("jobstatus: error: ") + 3000 + 1);
}
END_TEST

START_TEST(quotes_what_needs_it)
{
	static const struct log_pair pairs[] = { { "plain", "a-b/c:1.5[x]" }, { "none", NULL },
		{ "empty", "" }, { "space", "a b" }, { "equals", "a=b" }, { "quote", "a\"b" },
		{ "back", "a\\b" }, { "line", "a\nb" }, { "letter", "\xc3\xa9" },
		{ "c1", "\xc2\x9b" }, { "bad", "\xff\xc3" }, { "del", "\x7f" } };

	log_open(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	log_pairs(LOG_LEVEL_INFO, pairs, sizeof(pairs) / sizeof(pairs[0]));
	log_pairs(LOG_LEVEL_DEBUG, pairs, sizeof(pairs) / sizeof(pairs[0]));
	ck_assert_str_eq(written_in_time(),
	    "level=info program=jobstatus plain=a-b/c:1.5[x] empty=\"\" space=\"a b\" equals=\"a=b\""
	    " quote=\"a\\\"b\" back=\"a\\\\b\" line=\"a\\x0ab\" letter=\"\xc3\xa9\""
	    " c1=\"\\xc2\\x9b\" bad=\"\\xff\\xc3\" del=\"\\x7f\"\n");
}
END_TEST

/* A line is what a pipe takes in one piece, and whole pairs. */
START_TEST(keeps_a_line_short)
{
	static char text[2][5001];
	const struct log_pair pairs[] = { { "a", text[0] }, { "b", text[1] }, { "c", "c" } };
	const char *line;

	memset(text[0], 'x', 5000);
	memset(text[1], '\n', 5000);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	log_pairs(LOG_LEVEL_INFO, pairs, 3);
	line = written();
	ck_assert_uint_le(strlen(line), PIPE_BUF);
	ck_assert_uint_ge(strlen(line), PIPE_BUF - 4);
	ck_assert_ptr_nonnull(strstr(line, "x b=\"\\x0a"));
	ck_assert_str_eq(line + strlen(line) - 6, "\\x0a\"\n");
}
END_TEST

START_TEST(tells_journald_the_level)
{
	char stream[50];
	struct stat status;

	fstat(STDERR_FILENO, &status);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
	    (uintmax_t)status.st_ino + (unsigned int)_i);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_DEBUG);
	log_error("e");
	log_warning("w");
	log_info("i");
	log_debug("d");
	if (_i == 0)
		ck_assert_str_eq(written(),
		    "<3>" WRITTEN("error", "e") "<4>" WRITTEN("warning", "w") "<6>" WRITTEN(
			"info", "i") "<7>" WRITTEN("debug", "d"));
	else
		ck_assert_int_eq(strncmp(written(), "time=", 5), 0);
}
END_TEST

START_TEST(waits_for_nobody)
{
	char text[20001];
	const char *line;
	ssize_t n, more;

	ck_assert_int_eq(fcntl(STDERR_FILENO, F_SETPIPE_SZ, PIPE_BUF), PIPE_BUF);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	for (int i = 0; i < 5; i++)
		log_info("line %d", i);
	ck_assert_int_gt(n = read(ends[0], text, sizeof(text) - 1), 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "\"line 0\""));
	ck_assert_ptr_null(strstr(text, "\"line 1\""));
	log_info("again");
	n = 0;
	close(STDERR_FILENO);
	while ((more = read(ends[0], text + n, sizeof(text) - 1 - (size_t)n)) > 0)
		n += more;
	text[n] = '\0';
	line = strstr(text, "level=warning");
	ck_assert_ptr_nonnull(line);
	ck_assert_ptr_nonnull(
	    strstr(line, "\"4 lines were lost: nobody had read what was before\""));
}
END_TEST

START_TEST(leaves_stderr_alone_for_syslog)
{
	log_open(LOG_TARGET_SYSLOG, LOG_LEVEL_INFO);
	log_error("x");
	ck_assert_str_eq(written(), "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, writes_lines);
	tcase_add_loop_test(tcase, keeps_to_its_level, LOG_LEVEL_ERROR, LOG_LEVEL_DEBUG + 1);
	tcase_add_test(tcase, escapes_control_characters);
	tcase_add_test(tcase, has_a_name);
	tcase_add_test(tcase, cuts_long_text);
	tcase_add_test(tcase, quotes_what_needs_it);
	tcase_add_test(tcase, keeps_a_line_short);
	tcase_add_loop_test(tcase, tells_journald_the_level, 0, 2);
	tcase_add_test(tcase, waits_for_nobody);
	tcase_add_test(tcase, leaves_stderr_alone_for_syslog);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
