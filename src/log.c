/*
 * The log.  A line is made whole and written in one piece, so that threads do not mix theirs.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#define TEXT_MAX 2000
#define LINE_MAX_BYTES (4 * TEXT_MAX + 100) /* every byte escaped, and what stands before */

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static const char *program = "jobstatus";
static enum log_target log_target = LOG_TARGET_STDERR;
static enum log_level log_level = LOG_LEVEL_INFO;

void
log_name(const char *name)
{
	program = name;
}

void
log_open(enum log_target target, enum log_level level)
{
	log_target = target;
	log_level = level;
	if (target == LOG_TARGET_SYSLOG)
		openlog(program, LOG_PID, LOG_DAEMON);
}

/* Copies TEXT with control characters as \xNN; returns the end. */
static char *
escape(char *to, const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != 0x7F) {
			*to++ = *text;
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return to;
}

__attribute__((format(printf, 2, 0))) static void
write_line(enum log_level level, const char *format, va_list arguments)
{
	char text[TEXT_MAX + 1], line[LINE_MAX_BYTES];
	char *start, *end;

	if (level > log_level)
		return;
	vsnprintf(text, sizeof(text), format, arguments);
	start = line + snprintf(line, sizeof(line), "%.60s: %s: ", program, levels[level].name);
	end = escape(start, text);
	if (log_target == LOG_TARGET_SYSLOG) {
		*end = '\0';
		syslog(levels[level].priority, "%s", start);
		return;
	}
	*end++ = '\n';
	/* Any other error has nowhere to be told. */
	while (write(STDERR_FILENO, line, (size_t)(end - line)) < 0 && errno == EINTR)
		continue;
}

#define DEFINE(function, level) \
	void function(const char *format, ...) \
	{ \
		va_list arguments; \
\
		va_start(arguments, format); \
		write_line(level, format, arguments); \
		va_end(arguments); \
	}

DEFINE(log_error, LOG_LEVEL_ERROR)
DEFINE(log_warning, LOG_LEVEL_WARNING)
DEFINE(log_info, LOG_LEVEL_INFO)
DEFINE(log_debug, LOG_LEVEL_DEBUG)
