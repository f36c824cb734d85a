/*
 * Options and variables: what each takes, on both sides of its limits.
 */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "suite.h"

static char error[400];

static int
read_option(struct config *config, const char *option, const char *next)
{
	char first[600], second[600];
	char *argv[] = { (char[]){ "jobstatus.fcgi" }, first, second, NULL };

	snprintf(first, sizeof(first), "%s", option);
	if (next == NULL)
		argv[2] = NULL;
	else
		snprintf(second, sizeof(second), "%s", next);
	error[0] = '\0';
	return config_read(config, next == NULL ? 2 : 3, argv, error, sizeof(error));
}

#define FIFTY "ccccccccccccccccccccccccccccccccccccccccccccccccc "
#define CHALLENGE_255 FIFTY FIFTY FIFTY FIFTY FIFTY "ccccc"

static const struct {
	const char *name, *value;
	bool good;
} values[] = {
	{ "threads", "1", true },
	{ "threads", "256", true },
	{ "threads", "0", false },
	{ "threads", "257", false },
	{ "threads", "4294967297", false },
	{ "threads", "-1", false },
	{ "threads", "+1", false },
	{ "threads", " 1", false },
	{ "threads", "1 ", false },
	{ "threads", "0x4", false },
	{ "threads", "", false },
	{ "schema", "s", true },
	{ "schema", "", false },
	{ "schema", "123456789012345678901234567890123456789012345678901234567890123", true },
	{ "schema", "1234567890123456789012345678901234567890123456789012345678901234", false },
	{ "schema", "a\nb", false },
	{ "schema", "a\x7f", false },
	{ "schema", "sch\xc3\xa9ma \"x\"", true },
	{ "prepare", "yes", true },
	{ "prepare", "no", true },
	{ "prepare", "Yes", false },
	{ "prepare", "", false },
	{ "accept-unknown-status", "yes", true },
	{ "accept-unknown-status", "no", true },
	{ "accept-unknown-status", "true", false },
	{ "compat", "none", true },
	{ "compat", "nemo-platform", true },
	{ "compat", "nemo", false },
	{ "compat", "", false },
	{ "timeout", "0.01", true },
	{ "timeout", "0.0099", false },
	{ "timeout", "3600", true },
	{ "timeout", "3600.000", true },
	{ "timeout", "3600.000000001", false },
	{ "timeout", "2.5", true },
	{ "timeout", "0", false },
	{ "timeout", "-1", false },
	{ "timeout", "1e2", false },
	{ "timeout", "nan", false },
	{ "timeout", "inf", false },
	{ "timeout", "0x10", false },
	{ "timeout", ".5", false },
	{ "timeout", "5.", false },
	{ "timeout", "1,5", false },
	{ "timeout", "99999999999999999999", false },
	{ "timeout", "", false },
	{ "cache", "0", true },
	{ "cache", "1", true },
	{ "cache", "100K", true },
	{ "cache", "16M", true },
	{ "cache", "64G", true },
	{ "cache", "65G", false },
	{ "cache", "68719476736", true },
	{ "cache", "68719476737", false },
	{ "cache", "999999999999G", false },
	{ "cache", "9999999999999", false },
	{ "cache", "1k", false },
	{ "cache", "1MB", false },
	{ "cache", "1.5M", false },
	{ "cache", "-1", false },
	{ "cache", "M", false },
	{ "cache", "", false },
	{ "poll-hints", "yes", true },
	{ "poll-hints", "no", true },
	{ "poll-hints", "maybe", false },
	{ "access-log", "yes", true },
	{ "access-log", "no", true },
	{ "access-log", "1", false },
	{ "status-routes", "yes", true },
	{ "status-routes", "no", true },
	{ "status-routes", "", false },
	{ "metrics-file", "/run/x", true },
	{ "metrics-file", "", true },
	{ "authorize", "REMOTE_USER", true },
	{ "authorize", "_x9", true },
	{ "authorize", "", true },
	{ "authorize", "9X", false },
	{ "authorize", "REMOTE-USER", false },
	{ "authorize", "A=B", false },
	{ "authorize", "\xC3\xA4", false },
	{ "challenge", "Bearer", true },
	{ "challenge", " ~", true },
	{ "challenge", CHALLENGE_255, true },
	{ "challenge", CHALLENGE_255 "c", false },
	{ "challenge", "", false },
	{ "challenge", "a\rb", false },
	{ "challenge", "a\n", false },
	{ "challenge", "\x7f", false },
	{ "challenge", "\xC3\xA4", false },
	{ "log-level", "error", true },
	{ "log-level", "warning", true },
	{ "log-level", "info", true },
	{ "log-level", "debug", true },
	{ "log-level", "loud", false },
	{ "log", "stderr", true },
	{ "log", "syslog", true },
	{ "log", "file", false },
	{ "socket", "/run/x", true },
	{ "socket", "", true },
	{ "socket-group", "www-data", true },
	{ "database", "dbname=x", true },
};

START_TEST(takes_options)
{
	struct config config;
	char option[200], together[600];
	int expected = values[_i].good ? 0 : -1;

	snprintf(option, sizeof(option), "--%s", values[_i].name);
	snprintf(together, sizeof(together), "%s=%s", option, values[_i].value);
	ck_assert_int_eq(read_option(&config, together, NULL), expected);
	if (!values[_i].good)
		ck_assert_ptr_eq(strstr(error, option), error);
	ck_assert_int_eq(read_option(&config, option, values[_i].value), expected);
}
END_TEST

START_TEST(takes_variables)
{
	struct config config;
	char variable[100] = "JOBSTATUS_";

	for (size_t i = 0; values[_i].name[i] != '\0'; i++) {
		char c = values[_i].name[i];

		variable[10 + i] = c == '-' ? '_' : (char)(c - 'a' + 'A');
	}
	setenv(variable, values[_i].value, 1);
	error[0] = '\0';
	ck_assert_int_eq(
	    config_read(&config, 0, NULL, error, sizeof(error)), values[_i].good ? 0 : -1);
	if (!values[_i].good)
		ck_assert_ptr_eq(strstr(error, variable), error);
}
END_TEST

START_TEST(has_defaults)
{
	struct config config;

	ck_assert_int_eq(config_read(&config, 0, NULL, error, sizeof(error)), 0);
	ck_assert_int_eq(config.action, CONFIG_RUN);
	ck_assert_ptr_null(config.socket);
	ck_assert_ptr_null(config.socket_group);
	ck_assert_uint_eq(config.threads, 4);
	ck_assert_str_eq(config.database, "");
	ck_assert_str_eq(config.schema, "jobstatus");
	ck_assert(config.prepare);
	ck_assert_uint_eq(config.cache, 16 * 1024 * 1024);
	ck_assert(config.poll_hints);
	ck_assert(!config.access_log);
	ck_assert(!config.status_routes);
	ck_assert_ptr_null(config.metrics_file);
	ck_assert_ptr_null(config.authorize);
	ck_assert_str_eq(config.challenge, "Basic realm=\"jobstatus\"");
	ck_assert_int_eq(config.timeout, 5000000000);
	ck_assert_int_eq(config.log_level, LOG_LEVEL_INFO);
	ck_assert_int_eq(config.log_target, LOG_TARGET_STDERR);
}
END_TEST

START_TEST(prefers_options)
{
	struct config config;

	setenv("JOBSTATUS_THREADS", "7", 1);
	setenv("JOBSTATUS_TIMEOUT", "1.25", 1);
	ck_assert_int_eq(read_option(&config, "--threads=8", NULL), 0);
	ck_assert_uint_eq(config.threads, 8);
	ck_assert_int_eq(config.timeout, 1250000000);
}
END_TEST

static const struct {
	const char *option, *next, *error;
} bad[] = {
	{ "--thread=4", NULL, "--thread: unknown option" },
	{ "--threads", NULL, "--threads: the value is missing" },
	{ "--check=yes", NULL, "--check: takes no value" },
	{ "threads=4", NULL, "threads: unknown option" },
	{ "-h", NULL, "-h: unknown option" },
	{ "--check", "extra", "extra: unknown option" },
	{ "postgresql://u:sekrit@h/x", NULL, "postgresql: unknown option" },
	{ "--database:postgresql://u:sekrit@h", NULL, "--database: unknown option" },
	{ "", NULL, "an argument that is no option" },
	{ "--threads=0", NULL, "--threads: \"0\" is not a whole number from 1 to 256" },
};

START_TEST(names_what_is_bad)
{
	struct config config;

	ck_assert_int_eq(read_option(&config, bad[_i].option, bad[_i].next), -1);
	ck_assert_str_eq(error, bad[_i].error);
}
END_TEST

/* However long the value is, the line still says what was wanted. */
START_TEST(cuts_long_values)
{
	struct config config;
	char option[400];

	snprintf(option, sizeof(option), "--threads=%0380d", 0);
	ck_assert_int_eq(read_option(&config, option, NULL), -1);
	ck_assert_ptr_nonnull(strstr(error, "is not a whole number from 1 to 256"));
}
END_TEST

START_TEST(knows_actions)
{
	static const char *const options[] = { "--check", "--version", "--help" };
	struct config config;

	ck_assert_int_eq(read_option(&config, options[_i], NULL), 0);
	ck_assert_int_eq(config.action, CONFIG_CHECK + _i);
}
END_TEST

START_TEST(prints_every_option)
{
	char text[4000];
	FILE *to = fmemopen(text, sizeof(text), "w");

	config_usage(to);
	fclose(to);
	ck_assert_ptr_nonnull(strstr(text, "--socket-group=GROUP"));
	ck_assert_ptr_nonnull(strstr(text, "[JOBSTATUS_TIMEOUT, default 5]"));
	ck_assert_ptr_nonnull(strstr(text, "--help"));
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int
main(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");

	tcase_add_loop_test(tcase, takes_options, 0, COUNT(values));
	tcase_add_loop_test(tcase, takes_variables, 0, COUNT(values));
	tcase_add_test(tcase, has_defaults);
	tcase_add_test(tcase, prefers_options);
	tcase_add_loop_test(tcase, names_what_is_bad, 0, COUNT(bad));
	tcase_add_test(tcase, cuts_long_values);
	tcase_add_loop_test(tcase, knows_actions, 0, 3);
	tcase_add_test(tcase, prints_every_option);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
