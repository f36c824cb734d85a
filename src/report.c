/*
 * jobstatus-report: reports the status of jobs, steps and tasks to PostgreSQL, for people and
 * shells.
 */
#include "build.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "report_input.h"
#include "report_options.h"
#include "report_try.h"
#include "report_wrap.h"

/* Puts what files hold in the place of their names; CONTENTS keeps it.  Returns 0 or an exit code.
 */
static int
read_files(struct report_options *options, char *contents[REPORT_FIELDS])
{
	char error[400];

	for (int field = 0; field < REPORT_FIELDS; field++) {
		const char *value = options->values[field];
		int code;

		if (value == NULL || *value != '@' ||
		    !report_options_may_be_file((enum report_field)field))
			continue;
		code = report_input_read(
		    value, REPORT_INPUT_MOST, &contents[field], error, sizeof(error));
		if (code != 0) {
			log_error("%s", error);
			return code;
		}
		options->values[field] = contents[field];
	}
	return 0;
}

static int
report(struct report_options *options)
{
	char *contents[REPORT_FIELDS] = { NULL };
	struct report_answer answer;
	int code;

	if (options->wrapped != NULL)
		return report_wrap(options);
	code = read_files(options, contents);
	if (code == 0) {
		code = report_try(options->command, options->values, options->database,
		    options->timeout, &answer);
		if (code != 0)
			log_error("%s", answer.text);
	}
	for (int field = 0; field < REPORT_FIELDS; field++)
		free(contents[field]);
	return code;
}

static int
run(struct report_options *options, int argc, char *argv[])
{
	char error[400];

	if (report_options_read(options, argc, argv, error, sizeof(error)) != 0) {
		log_error("%s", error);
		return EX_USAGE;
	}
	switch (options->action) {
	case REPORT_ACTION_VERSION:
		printf("jobstatus-report %s\n", PACKAGE_VERSION);
		return EX_OK;
	case REPORT_ACTION_HELP:
		report_options_usage(stdout);
		return EX_OK;
	case REPORT_ACTION_RUN:
		break;
	}
	if (!report_session_valid(options->database)) {
		log_error(
		    "--database or JOBSTATUS_DATABASE: not a connection string of PostgreSQL");
		return EX_USAGE;
	}
	return report(options);
}

int
main(int argc, char *argv[])
{
	struct report_options options;
	int code, fd;

	/* What is opened later must not take the place of a standard stream. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	log_name("jobstatus-report");
	code = run(&options, argc, argv);
	report_options_free(&options);
	return code;
}
