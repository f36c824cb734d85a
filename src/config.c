/*
 * The configuration.  One table has every option with its variable, default and reader; the reader,
 * the usage text and the errors all go by it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "seconds.h"

#define CACHE_MAX (64ULL << 30)
#define CHALLENGE_MAX 255

struct option {
	const char *name, *argument; /* ARGUMENT is NULL for an action */
	const char *variable, *fallback;
	bool (*set)(struct config *config, const char *value); /* false: not what is wanted */
	const char *wanted;                                    /* completes "is not …" */
	const char *help;
	bool secret; /* its value is not to be shown */
};

struct choice {
	const char *name;
	int value;
};

static bool
choose(const struct choice *choices, const char *value, int *chosen)
{
	for (; choices->name != NULL; choices++)
		if (strcmp(choices->name, value) == 0) {
			*chosen = choices->value;
			return true;
		}
	return false;
}

static bool
set_socket(struct config *config, const char *value)
{
	config->socket = *value != '\0' ? value : NULL;
	return true;
}

static bool
set_socket_group(struct config *config, const char *value)
{
	config->socket_group = *value != '\0' ? value : NULL;
	return true;
}

static bool
set_threads(struct config *config, const char *value)
{
	size_t digits = strspn(value, "0123456789");

	if (digits == 0 || digits > 3 || value[digits] != '\0')
		return false;
	config->threads = (unsigned int)strtoul(value, NULL, 10);
	return config->threads >= 1 && config->threads <= 256;
}

static bool
set_database(struct config *config, const char *value)
{
	config->database = value;
	return true;
}

static bool
set_schema(struct config *config, const char *value)
{
	size_t length = strlen(value);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7F)
			return false;
	config->schema = value;
	return length >= 1 && length <= 63;
}

static bool
choose_yes_no(const char *value, bool *yes)
{
	static const struct choice choices[] = { { "yes", true }, { "no", false }, { NULL, 0 } };
	int chosen;

	if (!choose(choices, value, &chosen))
		return false;
	*yes = chosen;
	return true;
}

#define DEFINE_SWITCH(member) \
	static bool set_##member(struct config *config, const char *value) \
	{ \
		return choose_yes_no(value, &config->member); \
	}

DEFINE_SWITCH(accept_unknown_status)
DEFINE_SWITCH(prepare)
DEFINE_SWITCH(poll_hints)
DEFINE_SWITCH(access_log)
DEFINE_SWITCH(status_routes)

static bool
set_compat(struct config *config, const char *value)
{
	static const struct choice choices[] = { { "none", COMPAT_NONE },
		{ "nemo-platform", COMPAT_NEMO_PLATFORM }, { NULL, 0 } };
	int chosen;

	if (!choose(choices, value, &chosen))
		return false;
	config->compat = (enum compat)chosen;
	return true;
}

/* Reads digits and, if there is one, K, M or G. */
static bool
set_cache(struct config *config, const char *value)
{
	static const struct choice units[] = { { "", 0 }, { "K", 10 }, { "M", 20 }, { "G", 30 },
		{ NULL, 0 } };
	size_t digits = strspn(value, "0123456789");
	unsigned long long size;
	int shift;

	if (digits == 0 || digits > 12 || !choose(units, value + digits, &shift))
		return false;
	size = strtoull(value, NULL, 10);
	if (size > (CACHE_MAX >> shift))
		return false;
	config->cache = (size_t)(size << shift);
	return true;
}

static bool
set_authorize(struct config *config, const char *value)
{
	static const char letters[] = "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	static const char digits[] = "0123456789";
	const char *rest = value;

	config->authorize = *value != '\0' ? value : NULL;
	if (strspn(value, digits) > 0)
		return false;
	while (*rest != '\0' && (strchr(letters, *rest) != NULL || strchr(digits, *rest) != NULL))
		rest++;
	return *rest == '\0';
}

static bool
set_challenge(struct config *config, const char *value)
{
	size_t length = strlen(value);

	for (size_t i = 0; i < length; i++)
		if (value[i] < ' ' || value[i] > '~')
			return false;
	config->challenge = value;
	return length >= 1 && length <= CHALLENGE_MAX;
}

static bool
set_timeout(struct config *config, const char *value)
{
	return seconds_read(value, CLOCK_SECOND / 100, 3600 * CLOCK_SECOND, &config->timeout);
}

static bool
set_log_level(struct config *config, const char *value)
{
	static const struct choice choices[] = { { "error", LOG_LEVEL_ERROR },
		{ "warning", LOG_LEVEL_WARNING }, { "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG }, { NULL, 0 } };
	int chosen;

	if (!choose(choices, value, &chosen))
		return false;
	config->log_level = (enum log_level)chosen;
	return true;
}

static bool
set_log(struct config *config, const char *value)
{
	static const struct choice choices[] = { { "stderr", LOG_TARGET_STDERR },
		{ "syslog", LOG_TARGET_SYSLOG }, { NULL, 0 } };
	int chosen;

	if (!choose(choices, value, &chosen))
		return false;
	config->log_target = (enum log_target)chosen;
	return true;
}

static bool
set_metrics_file(struct config *config, const char *value)
{
	config->metrics_file = *value != '\0' ? value : NULL;
	return true;
}

static bool
set_check(struct config *config, const char *value)
{
	(void)value;
	config->action = CONFIG_CHECK;
	return true;
}

static bool
set_version(struct config *config, const char *value)
{
	(void)value;
	config->action = CONFIG_VERSION;
	return true;
}

static bool
set_help(struct config *config, const char *value)
{
	(void)value;
	config->action = CONFIG_HELP;
	return true;
}

static const struct option options[] = {
	{ "--socket", "PATH", "JOBSTATUS_SOCKET", "", set_socket, "a path",
	    "listen there; without it, on descriptor 0", false },
	{ "--socket-group", "GROUP", "JOBSTATUS_SOCKET_GROUP", "", set_socket_group, "a group",
	    "group of the socket", false },
	{ "--threads", "N", "JOBSTATUS_THREADS", "4", set_threads, "a whole number from 1 to 256",
	    "worker threads, 1 to 256", false },
	{ "--database", "CONNINFO", "JOBSTATUS_DATABASE", "", set_database, "a connection string",
	    "keywords and values, or a URI; without it, libpq's own", true },
	{ "--schema", "NAME", "JOBSTATUS_SCHEMA", "jobstatus", set_schema,
	    "a name of 1 to 63 bytes without control characters",
	    "schema that holds jobs, steps and tasks", false },
	{ "--accept-unknown-status", "yes|no", "JOBSTATUS_ACCEPT_UNKNOWN_STATUS", "no",
	    set_accept_unknown_status, "yes or no",
	    "pass on a status that the contract does not know", false },
	{ "--compat", "HABITS", "JOBSTATUS_COMPAT", "none", set_compat, "none or nemo-platform",
	    "none, or the NeMo Platform's own form of answers: nemo-platform", false },
	{ "--prepare", "yes|no", "JOBSTATUS_PREPARE", "yes", set_prepare, "yes or no",
	    "prepared statements; no for old poolers", false },
	{ "--cache", "SIZE", "JOBSTATUS_CACHE", "16M", set_cache,
	    "a number of bytes from 0 to 64G, with K, M or G",
	    "bytes of documents to keep in memory, 0 to 64G", false },
	{ "--poll-hints", "yes|no", "JOBSTATUS_POLL_HINTS", "yes", set_poll_hints, "yes or no",
	    "Retry-After in the answer of a job that has not ended", false },
	{ "--authorize", "VARIABLE", "JOBSTATUS_AUTHORIZE", "", set_authorize,
	    "the name of a CGI variable",
	    "CGI variable that names who asks; without it, anyone may", false },
	{ "--challenge", "TEXT", "JOBSTATUS_CHALLENGE", "Basic realm=\"jobstatus\"", set_challenge,
	    "a text of 1 to 255 characters of ASCII", "WWW-Authenticate for who is not named",
	    false },
	{ "--timeout", "SECONDS", "JOBSTATUS_TIMEOUT", "5", set_timeout,
	    "a number of seconds from 0.01 to 3600", "deadline of one request, 0.01 to 3600",
	    false },
	{ "--log-level", "LEVEL", "JOBSTATUS_LOG_LEVEL", "info", set_log_level,
	    "one of error, warning, info, debug", "error, warning, info or debug", false },
	{ "--log", "TARGET", "JOBSTATUS_LOG", "stderr", set_log, "stderr or syslog",
	    "stderr or syslog", false },
	{ "--access-log", "yes|no", "JOBSTATUS_ACCESS_LOG", "no", set_access_log, "yes or no",
	    "a line of the log for each request", false },
	{ "--status-routes", "yes|no", "JOBSTATUS_STATUS_ROUTES", "no", set_status_routes,
	    "yes or no", "answer /-/live, /-/ready and /-/metrics", false },
	{ "--metrics-file", "PATH", "JOBSTATUS_METRICS_FILE", "", set_metrics_file, "a path",
	    "count there, together with other processes", false },
	{ "--check", NULL, NULL, NULL, set_check, NULL,
	    "check configuration, database, schema and rights", false },
	{ "--version", NULL, NULL, NULL, set_version, NULL, "print the version", false },
	{ "--help", NULL, NULL, NULL, set_help, NULL, "print this text", false },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* Takes VALUE, which came as SOURCE. */
static int
set(struct config *config, const struct option *option, const char *source, const char *value,
    char *error, size_t size)
{
	if (option->set(config, value))
		return 0;
	if (option->secret)
		snprintf(error, size, "%s: the value is not %s", source, option->wanted);
	else
		snprintf(error, size, "%s: \"%.100s\" is not %s", source, value, option->wanted);
	return -1;
}

static int
read_environment(struct config *config, char *error, size_t size)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		const char *value;

		if (options[i].variable == NULL)
			continue;
		options[i].set(config, options[i].fallback);
		value = getenv(options[i].variable);
		if (value != NULL &&
		    set(config, &options[i], options[i].variable, value, error, size) != 0)
			return -1;
	}
	return 0;
}

/* The option that ARGUMENT names up to its = or end, or NULL. */
static const struct option *
find_option(const char *argument, size_t length)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == length &&
		    memcmp(options[i].name, argument, length) == 0)
			return &options[i];
	return NULL;
}

/* Says that ARGUMENT is no option, by its leading word alone: what follows may be a password. */
static void
refuse_argument(const char *argument, char *error, size_t size)
{
	size_t length =
	    strspn(argument, "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	if (length == 0)
		snprintf(error, size, "an argument that is no option");
	else
		snprintf(error, size, "%.*s: unknown option", (int)(length < 100 ? length : 100),
		    argument);
}

/* Reads the option at ARGV[*AT], which may take the next argument as its value. */
static int
read_option(struct config *config, char *const argv[], int *at, char *error, size_t size)
{
	const char *argument = argv[*at], *value = NULL;
	size_t length = strcspn(argument, "=");
	const struct option *option = find_option(argument, length);

	if (option == NULL) {
		refuse_argument(argument, error, size);
		return -1;
	}
	if (argument[length] == '=')
		value = argument + length + 1;
	if (option->argument == NULL && value != NULL) {
		snprintf(error, size, "%s: takes no value", option->name);
		return -1;
	}
	if (option->argument != NULL && value == NULL && (value = argv[++*at]) == NULL) {
		snprintf(error, size, "%s: the value is missing", option->name);
		return -1;
	}
	return set(config, option, option->name, value, error, size);
}

int
config_read(struct config *config, int argc, char *const argv[], char *error, size_t size)
{
	memset(config, 0, sizeof(*config));
	if (read_environment(config, error, size) != 0)
		return -1;
	for (int at = 1; argv != NULL && at < argc; at++)
		if (read_option(config, argv, &at, error, size) != 0)
			return -1;
	return 0;
}

void
config_usage(FILE *to)
{
	fprintf(to,
	    "usage: jobstatus.fcgi [OPTION ...]\n"
	    "Answers GET /apis/jobs/v2/workspaces/{workspace}/jobs/{name}/status as FastCGI.\n\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		char left[40];

		snprintf(left, sizeof(left), "%s%s%s", options[i].name,
		    options[i].argument != NULL ? "=" : "",
		    options[i].argument != NULL ? options[i].argument : "");
		fprintf(to, "  %-22s %s\n", left, options[i].help);
		if (options[i].variable != NULL)
			fprintf(to, "  %-22s [%s%s%s]\n", "", options[i].variable,
			    *options[i].fallback != '\0' ? ", default " : "", options[i].fallback);
	}
}
