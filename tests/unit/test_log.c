/*
 * Log lines, as they arrive on descriptor 2.
 */
#include <string.h>
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

START_TEST(keeps_to_its_level)
{
	static const char *const expected[] = {
		[LOG_LEVEL_ERROR] = "jobstatus: error: e\n",
		[LOG_LEVEL_WARNING] = "jobstatus: error: e\njobstatus: warning: w\n",
		[LOG_LEVEL_INFO] =
		    "jobstatus: error: e\njobstatus: warning: w\njobstatus: info: i\n",
		[LOG_LEVEL_DEBUG] =
		    ("jobstatus: error: e\njobstatus: warning: w\njobstatus: info: i\n"
		     "jobstatus: debug: d\n"),
	};

	log_open(LOG_TARGET_STDERR, (enum log_level)_i);
	log_error("e");
	log_warning("w");
	log_info("i");
	log_debug("d");
	ck_assert_str_eq(written(), expected[_i]);
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
	ck_assert_uint_eq(strlen(written()), strlen("jobstatus: error: ") + 4 * 2000 + 1);
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
	tcase_add_test(tcase, leaves_stderr_alone_for_syslog);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
