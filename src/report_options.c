/*
 * The command line.  getopt_long() gives operands in their order, so that options may stand
 * anywhere before "--" and what follows it is the wrapped command, or more operands.
 */
#include "report_options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "seconds.h"

#define TIMEOUT_MOST (86400 * CLOCK_SECOND)
#define OPERANDS 5 /* the command, WORKSPACE/JOB and three more */

enum { OPERAND = 1, DATABASE = 256, TIMEOUT, WRAP, HEARTBEAT, VERSION, HELP };

/* An option that gives a field has the field's number, moved out of the way of getopt's own. */
#define FIELD 512
static const struct option longs[] = {
	{ "details", required_argument, NULL, FIELD + REPORT_DETAILS },
	{ "error", required_argument, NULL, FIELD + REPORT_ERROR },
	{ "error-stack", required_argument, NULL, FIELD + REPORT_ERROR_STACK },
	{ "steps", required_argument, NULL, FIELD + REPORT_STEPS },
	{ "id", required_argument, NULL, FIELD + REPORT_ID },
	{ "wrap", no_argument, NULL, WRAP },
	{ "heartbeat", required_argument, NULL, HEARTBEAT },
	{ "database", required_argument, NULL, DATABASE },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "version", no_argument, NULL, VERSION },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

/* What the command line holds, before it is judged. */
struct line {
	char *operands[OPERANDS + 1];
	size_t count;
	unsigned int given; /* a bit, 1 << field, for each option */
	bool wrap, heartbeat;
};

static const char *
option_name(int value)
{
	for (const struct option *option = longs; option->name != NULL; option++)
		if (option->val == value)
			return option->name;
	return "";
}

int
report_options_may_be_file(enum report_field field)
{
	return field == REPORT_DETAILS || field == REPORT_ERROR || field == REPORT_ERROR_STACK ||
	    field == REPORT_TASKS;
}

static int
read_timeout(
    struct report_options *options, const char *source, const char *value, char *error, size_t size)
{
	if (seconds_read(value, CLOCK_SECOND / 100, TIMEOUT_MOST, &options->timeout))
		return 0;
	snprintf(error, size, "%s: \"%.100s\" is not a number of seconds from 0.01 to 86400",
	    source, value);
	return -1;
}

static int
read_environment(struct report_options *options, char *error, size_t size)
{
	const char *timeout = getenv("JOBSTATUS_TIMEOUT");

	options->database = getenv("JOBSTATUS_DATABASE");
	if (options->database == NULL)
		options->database = "";
	return timeout != NULL ? read_timeout(options, "JOBSTATUS_TIMEOUT", timeout, error, size) :
				 0;
}

/* Says what getopt_long() does not take, without a value: that may be a password. */
static int
refuse_option(int kind, char *const argv[], char *error, size_t size)
{
	const char *argument = argv[optind - 1];

	if (kind == ':')
		snprintf(error, size, "%.100s: the value is missing", argument);
	else if (optopt >= DATABASE)
		snprintf(error, size, "--%s: takes no value", option_name(optopt));
	else if (optopt != 0)
		snprintf(error, size, "-%c: unknown option", optopt);
	else
		snprintf(error, size, "%.*s: unknown option",
		    (int)(strcspn(argument, "=") < 100 ? strcspn(argument, "=") : 100), argument);
	return -1;
}

static int
take_option(struct report_options *options, struct line *line, int option, char *error, size_t size)
{
	switch (option) {
	case DATABASE:
		options->database = optarg;
		return 0;
	case TIMEOUT:
		return read_timeout(options, "--timeout", optarg, error, size);
	case HEARTBEAT:
		line->heartbeat = true;
		if (seconds_read(optarg, CLOCK_SECOND, 3600 * CLOCK_SECOND, &options->heartbeat))
			return 0;
		snprintf(error, size,
		    "--heartbeat: \"%.100s\" is not a number of seconds from 1 to 3600", optarg);
		return -1;
	case WRAP:
		line->wrap = true;
		return 0;
	case VERSION:
		options->action = REPORT_ACTION_VERSION;
		return 0;
	case HELP:
		options->action = REPORT_ACTION_HELP;
		return 0;
	default:
		options->values[option - FIELD] = optarg;
		line->given |= 1U << (option - FIELD);
		return 0;
	}
}

static void
take_operand(struct line *line, char *operand)
{
	if (line->count < sizeof(line->operands) / sizeof(line->operands[0]))
		line->operands[line->count++] = operand;
}

static int
read_line(struct report_options *options, struct line *line, int argc, char *argv[], char *error,
    size_t size)
{
	int option;

	optind = 0; /* from the beginning, whatever was read before */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "-:", longs, NULL)) != -1) {
		if (option == '?' || option == ':')
			return refuse_option(option, argv, error, size);
		if (option == OPERAND)
			take_operand(line, optarg);
		else if (take_option(options, line, option, error, size) != 0)
			return -1;
	}
	if (line->wrap) {
		options->wrapped = argv + optind;
		return 0;
	}
	for (int i = optind; i < argc; i++)
		take_operand(line, argv[i]);
	return 0;
}

static int
read_target(struct report_options *options, const char *operand, char *error, size_t size)
{
	char *slash;

	options->target = strdup(operand);
	if (options->target == NULL) {
		snprintf(error, size, "no memory");
		return -1;
	}
	slash = strchr(options->target, '/');
	if (slash == NULL || strchr(slash + 1, '/') != NULL) {
		snprintf(error, size, "\"%.100s\" is not WORKSPACE/JOB", operand);
		return -1;
	}
	*slash = '\0';
	options->values[REPORT_WORKSPACE] = options->target;
	options->values[REPORT_JOB] = slash + 1;
	return 0;
}

/* Options that the command does not take, and those that do not go together. */
static int
judge(const struct report_options *options, const struct line *line, char *error, size_t size)
{
	const struct report_command *command = options->command;
	bool is_task = strcmp(command->name, "task") == 0;
	unsigned int wrong = line->given & ~(line->wrap ? 0 : command->options);
	size_t files = 0;

	for (int field = 0; field < REPORT_FIELDS; field++)
		if (wrong & 1U << field) {
			snprintf(error, size, "--%s: not with %s%s", option_name(FIELD + field),
			    command->name, is_task && line->wrap ? " --wrap" : "");
			return -1;
		}
	if ((line->wrap && !is_task) || (line->heartbeat && !line->wrap)) {
		snprintf(error, size, "--%s: only with task%s", line->wrap ? "wrap" : "heartbeat",
		    line->wrap ? "" : " --wrap");
		return -1;
	}
	if (line->wrap && (line->count != 4 || *options->wrapped == NULL)) {
		snprintf(error, size,
		    "task --wrap: wants WORKSPACE/JOB STEP TASK, then -- and a command");
		return -1;
	}
	for (int field = 0; field < REPORT_FIELDS; field++)
		if (report_options_may_be_file((enum report_field)field) &&
		    options->values[field] != NULL && strcmp(options->values[field], "@-") == 0 &&
		    ++files > 1) {
			snprintf(error, size, "@-: standard input can be read once");
			return -1;
		}
	return 0;
}

static int
read_operands(struct report_options *options, const struct line *line, char *error, size_t size)
{
	const struct report_command *command;

	if (line->count == 0) {
		snprintf(error, size, "the command is missing");
		return -1;
	}
	command = options->command = report_command_find(line->operands[0]);
	if (command == NULL) {
		snprintf(error, size, "\"%.100s\" is no command", line->operands[0]);
		return -1;
	}
	if (line->count < 2 + command->least || line->count > 2 + command->most) {
		snprintf(error, size, "%s: wants %s", command->name, command->usage);
		return -1;
	}
	for (size_t i = 2; i < line->count; i++)
		options->values[command->operands[i - 2]] = line->operands[i];
	return read_target(options, line->operands[1], error, size);
}

int
report_options_read(
    struct report_options *options, int argc, char *argv[], char *error, size_t size)
{
	struct line line = { .count = 0 };

	memset(options, 0, sizeof(*options));
	options->heartbeat = 10 * CLOCK_SECOND;
	if (read_environment(options, error, size) != 0 ||
	    read_line(options, &line, argc, argv, error, size) != 0)
		return -1;
	if (options->action != REPORT_ACTION_RUN)
		return 0;
	if (read_operands(options, &line, error, size) != 0 ||
	    judge(options, &line, error, size) != 0)
		return -1;
	if (options->timeout == 0)
		options->timeout = (options->wrapped != NULL ? 3600 : 30) * CLOCK_SECOND;
	return 0;
}

void
report_options_free(struct report_options *options)
{
	free(options->target);
}

void
report_options_usage(FILE *to)
{
	fprintf(to,
	    "usage: jobstatus-report COMMAND WORKSPACE/JOB [ARGUMENT ...]\n"
	    "Reports the status of a job, its steps and its tasks to PostgreSQL.\n\n");
	for (const struct report_command *command = report_commands; command->name != NULL;
	     command++)
		fprintf(to, "  %s %s\n", command->name, command->usage);
	fprintf(to,
	    "  task WORKSPACE/JOB STEP TASK --wrap [--heartbeat=SECONDS] -- COMMAND [ARGUMENT ...]\n"
	    "\n"
	    "A JSON or TEXT may be @FILE, or @- for standard input.\n"
	    "\n"
	    "  --database=CONNINFO    keywords and values, or a URI; without it, libpq's own\n"
	    "                         [JOBSTATUS_DATABASE]\n"
	    "  --timeout=SECONDS      how long to keep trying, 0.01 to 86400\n"
	    "                         [JOBSTATUS_TIMEOUT, default 30, with --wrap 3600]\n"
	    "  --wrap                 run a command as the task\n"
	    "  --heartbeat=SECONDS    between its heartbeats, 1 to 3600, default 10\n"
	    "  --version              print the version\n"
	    "  --help                 print this text\n");
}
