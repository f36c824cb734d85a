/*
 * The command line of jobstatus-report: what each command takes, and what is said of the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "report_options.h"
#include "suite.h"

#define WORDS 12

static struct report_options options;
static char error[400];
static char *copies[WORDS];

static void
forget(void)
{
	for (size_t i = 0; i < WORDS; i++) {
		free(copies[i]);
		copies[i] = NULL;
	}
	report_options_free(&options);
	memset(&options, 0, sizeof(options));
}

/* Reads a command line without the program's name; getopt moves the words about. */
static int
read_words(const char *const words[WORDS])
{
	static char *argv[WORDS + 2];
	int argc = 1;

	forget();
	argv[0] = (char[]){ "jobstatus-report" };
	for (; argc <= WORDS && words[argc - 1] != NULL; argc++)
		argv[argc] = copies[argc - 1] = strdup(words[argc - 1]);
	argv[argc] = NULL;
	error[0] = '\0';
	return report_options_read(&options, argc, argv, error, sizeof(error));
}

static const char *const names[REPORT_FIELDS] = {
	[REPORT_WORKSPACE] = "workspace",
	[REPORT_JOB] = "job",
	[REPORT_STEP] = "step",
	[REPORT_TASK] = "task",
	[REPORT_STATUS] = "status",
	[REPORT_DETAILS] = "details",
	[REPORT_ERROR] = "error",
	[REPORT_ERROR_STACK] = "stack",
	[REPORT_TASKS] = "tasks",
	[REPORT_STEPS] = "steps",
	[REPORT_ID] = "id",
};

static const struct {
	const char *words[WORDS];
	const char *command, *values;
} good[] = {
	{ { "create", "w/j" }, "create", "workspace=w job=j " },
	{ { "create", "w/j", "--steps=a,b", "--id", "x" }, "create",
	    "workspace=w job=j steps=a,b id=x " },
	{ { "--steps", "a,b", "create", "--id=", "w/j" }, "create",
	    "workspace=w job=j steps=a,b id= " },
	{ { "create", "w/j", "--steps=a", "--steps=b" }, "create", "workspace=w job=j steps=b " },
	{ { "create", "/" }, "create", "workspace= job= " },
	{ { "step", "w/j", "s" }, "step", "workspace=w job=j step=s " },
	{ { "step", "w/j", "s", "active", "--details={}", "--error", "[]" }, "step",
	    "workspace=w job=j step=s status=active details={} error=[] " },
	{ { "--error={}", "step", "w/j", "--", "-s", "--x" }, "step",
	    "workspace=w job=j step=-s status=--x error={} " },
	{ { "task", "w/j", "s", "t" }, "task", "workspace=w job=j step=s task=t " },
	{ { "task", "--error-stack=@f", "w/j", "s", "t", "error", "--details=@-" }, "task",
	    "workspace=w job=j step=s task=t status=error details=@- stack=@f " },
	{ { "tasks", "w/j", "s", "[]" }, "tasks", "workspace=w job=j step=s tasks=[] " },
	{ { "details", "w/j", "{}" }, "details", "workspace=w job=j details={} " },
	{ { "complete", "w/j" }, "complete", "workspace=w job=j " },
	{ { "cancel", "w/j" }, "cancel", "workspace=w job=j " },
	{ { "pause", "w/j" }, "pause", "workspace=w job=j " },
	{ { "resume", "w/j" }, "resume", "workspace=w job=j " },
	{ { "rerun", "w/j" }, "rerun", "workspace=w job=j " },
	{ { "delete", "w/j" }, "delete", "workspace=w job=j " },
};

START_TEST(takes_commands)
{
	char values[400] = "";

	ck_assert_int_eq(read_words(good[_i].words), 0);
	for (int field = 0; field < REPORT_FIELDS; field++)
		if (options.values[field] != NULL)
			snprintf(values + strlen(values), sizeof(values) - strlen(values), "%s=%s ",
			    names[field], options.values[field]);
	ck_assert_str_eq(options.command->name, good[_i].command);
	ck_assert_str_eq(values, good[_i].values);
	ck_assert_ptr_null(options.wrapped);
	ck_assert_int_eq(options.timeout, 30 * CLOCK_SECOND);
	ck_assert_str_eq(options.database, "");
}
END_TEST

static const struct {
	const char *words[WORDS];
	const char *error;
} bad[] = {
	{ { NULL }, "the command is missing" },
	{ { "stop", "w/j" }, "\"stop\" is no command" },
	{ { "create" }, "create: wants WORKSPACE/JOB [--steps=A,B,...] [--id=ID]" },
	{ { "create", "w/j", "x" }, "create: wants WORKSPACE/JOB [--steps=A,B,...] [--id=ID]" },
	{ { "tasks", "w/j", "s" }, "tasks: wants WORKSPACE/JOB STEP JSON" },
	{ { "details", "w/j" }, "details: wants WORKSPACE/JOB JSON" },
	{ { "delete", "w/j", "a", "b", "c", "d", "e", "f" }, "delete: wants WORKSPACE/JOB" },
	{ { "create", "w" }, "\"w\" is not WORKSPACE/JOB" },
	{ { "create", "w/j/s" }, "\"w/j/s\" is not WORKSPACE/JOB" },
	{ { "create", "w/j", "--details={}" }, "--details: not with create" },
	{ { "details", "w/j", "{}", "--details={}" }, "--details: not with details" },
	{ { "step", "w/j", "s", "--error-stack=x" }, "--error-stack: not with step" },
	{ { "cancel", "w/j", "--id=x" }, "--id: not with cancel" },
	{ { "create", "w/j", "--color" }, "--color: unknown option" },
	{ { "create", "w/j", "--colour=sekrit" }, "--colour: unknown option" },
	{ { "create", "w/j", "-h" }, "-h: unknown option" },
	{ { "create", "w/j", "--id" }, "--id: the value is missing" },
	{ { "--help=x" }, "--help: takes no value" },
	{ { "create", "w/j", "--timeout=0" },
	    "--timeout: \"0\" is not a number of seconds from 0.01 to 86400" },
	{ { "create", "w/j", "--timeout", "86400.1" },
	    "--timeout: \"86400.1\" is not a number of seconds from 0.01 to 86400" },
	{ { "task", "w/j", "s", "t", "--details=@-", "--error=@-" },
	    "@-: standard input can be read once" },
	{ { "task", "w/j", "s", "t", "--heartbeat=5" }, "--heartbeat: only with task --wrap" },
	{ { "step", "w/j", "s", "--wrap", "--", "true" }, "--wrap: only with task" },
	{ { "task", "w/j", "s", "t", "--wrap" },
	    "task --wrap: wants WORKSPACE/JOB STEP TASK, then -- and a command" },
	{ { "task", "w/j", "s", "t", "--wrap", "--" },
	    "task --wrap: wants WORKSPACE/JOB STEP TASK, then -- and a command" },
	{ { "task", "w/j", "s", "t", "active", "--wrap", "--", "true" },
	    "task --wrap: wants WORKSPACE/JOB STEP TASK, then -- and a command" },
	{ { "task", "w/j", "s", "t", "--wrap", "--error={}", "--", "true" },
	    "--error: not with task --wrap" },
	{ { "task", "w/j", "s", "t", "--wrap", "--heartbeat=0.9", "--", "true" },
	    "--heartbeat: \"0.9\" is not a number of seconds from 1 to 3600" },
	{ { "task", "w/j", "s", "t", "--wrap", "--heartbeat=3601", "--", "true" },
	    "--heartbeat: \"3601\" is not a number of seconds from 1 to 3600" },
};

START_TEST(names_what_is_bad)
{
	ck_assert_int_eq(read_words(bad[_i].words), -1);
	ck_assert_str_eq(error, bad[_i].error);
}
END_TEST

START_TEST(wraps)
{
	static const char *const words[WORDS] = { "task", "w/j", "--wrap", "s", "--heartbeat=3600",
		"t", "--", "sh", "-c", "--", "x" };

	ck_assert_int_eq(read_words(words), 0);
	ck_assert_str_eq(options.values[REPORT_STEP], "s");
	ck_assert_str_eq(options.values[REPORT_TASK], "t");
	ck_assert_str_eq(options.wrapped[0], "sh");
	ck_assert_str_eq(options.wrapped[1], "-c");
	ck_assert_str_eq(options.wrapped[2], "--");
	ck_assert_str_eq(options.wrapped[3], "x");
	ck_assert_ptr_null(options.wrapped[4]);
	ck_assert_int_eq(options.heartbeat, 3600 * CLOCK_SECOND);
	ck_assert_int_eq(options.timeout, 3600 * CLOCK_SECOND);
}
END_TEST

START_TEST(has_a_default_heartbeat)
{
	static const char *const words[WORDS] = { "task", "w/j", "s", "t", "--wrap", "--", "true" };

	ck_assert_int_eq(read_words(words), 0);
	ck_assert_int_eq(options.heartbeat, 10 * CLOCK_SECOND);
}
END_TEST

START_TEST(takes_variables)
{
	static const char *const words[WORDS] = { "cancel", "w/j" };
	static const char *const over[WORDS] = { "cancel", "w/j", "--timeout=86400",
		"--database=b" };

	setenv("JOBSTATUS_TIMEOUT", "0.01", 1);
	setenv("JOBSTATUS_DATABASE", "a", 1);
	ck_assert_int_eq(read_words(words), 0);
	ck_assert_int_eq(options.timeout, CLOCK_SECOND / 100);
	ck_assert_str_eq(options.database, "a");
	ck_assert_int_eq(read_words(over), 0);
	ck_assert_int_eq(options.timeout, 86400 * CLOCK_SECOND);
	ck_assert_str_eq(options.database, "b");
	setenv("JOBSTATUS_TIMEOUT", "soon", 1);
	ck_assert_int_eq(read_words(words), -1);
	ck_assert_str_eq(
	    error, "JOBSTATUS_TIMEOUT: \"soon\" is not a number of seconds from 0.01 to 86400");
}
END_TEST

START_TEST(knows_actions)
{
	static const char *const version[WORDS] = { "--version" },
				 *const help[WORDS] = { "--help" };

	ck_assert_int_eq(read_words(version), 0);
	ck_assert_int_eq(options.action, REPORT_ACTION_VERSION);
	ck_assert_int_eq(read_words(help), 0);
	ck_assert_int_eq(options.action, REPORT_ACTION_HELP);
}
END_TEST

START_TEST(prints_every_command)
{
	char text[4000];
	FILE *to = fmemopen(text, sizeof(text), "w");

	report_options_usage(to);
	fclose(to);
	for (const struct report_command *command = report_commands; command->name != NULL;
	     command++) {
		char line[200];

		snprintf(line, sizeof(line), "\n  %s %s\n", command->name, command->usage);
		ck_assert_ptr_nonnull(strstr(text, line));
	}
	ck_assert_ptr_nonnull(strstr(text, "[JOBSTATUS_TIMEOUT, default 30"));
}
END_TEST

static size_t
highest_parameter(const char *sql)
{
	size_t highest = 0;

	for (const char *at = sql; (at = strchr(at, '$')) != NULL; at++)
		if ((size_t)(at[1] - '0') > highest)
			highest = (size_t)(at[1] - '0');
	return highest;
}

/* $1 to $COUNT stand in the statement, and no other. */
START_TEST(has_its_parameters)
{
	for (const struct report_command *command = report_commands; command->name != NULL;
	     command++) {
		ck_assert_uint_eq(highest_parameter(command->sql), command->count);
		ck_assert_int_eq(command->guarded != NULL, command->again == REPORT_AGAIN_GUARDED);
		if (command->guarded != NULL)
			ck_assert_uint_eq(highest_parameter(command->guarded), 4);
	}
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int
main(void)
{
	Suite *suite = suite_create("report_options");
	TCase *tcase = tcase_create("report_options");

	tcase_add_loop_test(tcase, takes_commands, 0, COUNT(good));
	tcase_add_loop_test(tcase, names_what_is_bad, 0, COUNT(bad));
	tcase_add_test(tcase, wraps);
	tcase_add_test(tcase, has_a_default_heartbeat);
	tcase_add_test(tcase, takes_variables);
	tcase_add_test(tcase, knows_actions);
	tcase_add_test(tcase, prints_every_command);
	tcase_add_test(tcase, has_its_parameters);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
