/*
 * The log.  A line is made whole and written in one piece, and is no longer than what a pipe takes
 * in one piece, so that threads and processes do not mix theirs.  Who reads it may have stopped to:
 * no answer waits for him for ever, lines are lost then, and counted.
 */
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

#define TEXT_MAX 2000
#define VALUE_MAX 3000
#define PATIENCE 100 /* milliseconds for who reads, unless lines were lost before */
#define LINE_MAX_BYTES (PIPE_BUF - 2) /* but for a last quote, and the line's end */

struct line {
	char bytes[PIPE_BUF];
	size_t length;
};

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
static bool opened, to_journal;
static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* of the next, and between look and write */
static unsigned long lost;     /* lines that were not written, and not told of */

void
log_name(const char *name)
{
	program = name;
}

/* Whether standard error is what systemd says that the journal reads (systemd.exec(5)). */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[50];
	struct stat status;

	if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

void
log_open(enum log_target target, enum log_level level)
{
	log_target = target;
	log_level = level;
	opened = true;
	to_journal = is_journal();
	if (target == LOG_TARGET_SYSLOG)
		openlog(program, LOG_PID, LOG_DAEMON);
}

/* Adds bytes, all or none. */
static bool
add(struct line *line, const char *bytes, size_t length)
{
	if (line->length + length > LINE_MAX_BYTES)
		return false;
	memcpy(line->bytes + line->length, bytes, length);
	line->length += length;
	return true;
}

/* The bytes of the character at TEXT that may stand in a line as they are; 0: it may not. */
static size_t
plain_bytes(const char *text)
{
	uint32_t code = 0;
	size_t length = utf8_decode(text, strnlen(text, 4), &code);

	return code < 0x20 || (code >= 0x7F && code <= 0x9F) ? 0 : length;
}

/* Adds TEXT with what might forge a line as \xNN; where it is QUOTED, quotes are escaped too. */
static void
add_escaped(struct line *line, const char *text, bool quoted)
{
	static const char digits[] = "0123456789abcdef";
	const size_t end = line->length + VALUE_MAX;

	while (*text != '\0' && line->length < end) {
		const unsigned char c = (unsigned char)*text;
		const char escaped[] = { '\\', c == '"' || c == '\\' ? *text : 'x', digits[c >> 4],
			digits[c & 15] };
		size_t length = plain_bytes(text);
		bool fits;

		if (length == 0)
			fits = add(line, escaped, 4);
		else if (quoted && escaped[1] != 'x')
			fits = add(line, escaped, 2);
		else
			fits = add(line, text, length);
		if (!fits)
			return;
		text += length > 0 ? length : 1;
	}
}

static bool
needs_quotes(const char *value)
{
	const char *c = value;

	while (*c > ' ' && *c <= '~' && *c != '=' && *c != '"' && *c != '\\')
		c++;
	return c == value || *c != '\0';
}

static void
add_pair(struct line *line, const struct log_pair *pair)
{
	bool quoted = needs_quotes(pair->value);
	char start[100];
	int length = snprintf(start, sizeof(start), "%s%.90s=%s",
	    line->length > 0 && line->bytes[line->length - 1] != '>' ? " " : "", pair->key,
	    quoted ? "\"" : "");

	if (!add(line, start, (size_t)length))
		return;
	add_escaped(line, pair->value, quoted);
	if (quoted)
		line->bytes[line->length++] = '"';
}

/* What stands before the pairs of every line. */
static void
begin_line(struct line *line, enum log_level level)
{
	char now[40], *end = now;
	struct timespec ts;
	struct tm tm;

	if (log_target == LOG_TARGET_STDERR && to_journal) {
		const char prefix[] = { '<', (char)('0' + levels[level].priority), '>' };

		add(line, prefix, sizeof(prefix));
	} else if (log_target == LOG_TARGET_STDERR) {
		clock_gettime(CLOCK_REALTIME, &ts);
		if (gmtime_r(&ts.tv_sec, &tm) != NULL)
			end += strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(end, sizeof(now) - (size_t)(end - now), ".%03ldZ", ts.tv_nsec / 1000000);
		add_pair(line, &(const struct log_pair){ "time", now });
	}
	add_pair(line, &(const struct log_pair){ "level", levels[level].name });
	if (log_target == LOG_TARGET_STDERR)
		add_pair(line, &(const struct log_pair){ "program", program });
}

/* Writes, with the line's end.  An error has nowhere to be told. */
static void
write_out(struct line *line)
{
	line->bytes[line->length++] = '\n';
	while (write(STDERR_FILENO, line->bytes, line->length) < 0 && errno == EINTR)
		continue;
}

/* Whether a line would be taken at once: poll(2) says so of a pipe with room for PIPE_BUF. */
static bool
is_taken(void)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&fd, 1, lost == 0 ? PATIENCE : 0) != 0;
}

/* Says how many lines were lost. */
static void
tell_lost(void)
{
	struct line line = { .length = 0 };
	char text[80];

	snprintf(text, sizeof(text), "%lu lines were lost: nobody had read what was before", lost);
	lost = 0;
	begin_line(&line, LOG_LEVEL_WARNING);
	add_pair(&line, &(const struct log_pair){ "msg", text });
	write_out(&line);
}

static void
write_line(enum log_level level, struct line *line)
{
	bool taken;

	if (log_target == LOG_TARGET_SYSLOG) {
		syslog(levels[level].priority, "%.*s", (int)line->length, line->bytes);
		return;
	}
	if (!opened) {
		write_out(line);
		return;
	}
	pthread_mutex_lock(&lock);
	taken = is_taken();
	if (taken && lost > 0) {
		tell_lost();
		taken = is_taken();
	}
	if (taken)
		write_out(line);
	else
		lost++;
	pthread_mutex_unlock(&lock);
}

void
log_pairs(enum log_level level, const struct log_pair *pairs, size_t count)
{
	struct line line = { .length = 0 };

	if (level > log_level)
		return;
	begin_line(&line, level);
	for (size_t i = 0; i < count; i++)
		if (pairs[i].value != NULL)
			add_pair(&line, &pairs[i]);
	write_line(level, &line);
}

__attribute__((format(printf, 2, 0))) static void
log_text(enum log_level level, const char *format, va_list arguments)
{
	struct line line = { .length = 0 };
	char text[TEXT_MAX + 1];

	if (level > log_level)
		return;
	vsnprintf(text, sizeof(text), format, arguments);
	if (opened) {
		log_pairs(level, &(const struct log_pair){ "msg", text }, 1);
		return;
	}
	line.length = (size_t)snprintf(
	    line.bytes, sizeof(line.bytes), "%.60s: %s: ", program, levels[level].name);
	add_escaped(&line, text, false);
	write_line(level, &line);
}

#define DEFINE(function, level) \
	void function(const char *format, ...) \
	{ \
		va_list arguments; \
\
		va_start(arguments, format); \
		log_text(level, format, arguments); \
		va_end(arguments); \
	}

DEFINE(log_error, LOG_LEVEL_ERROR)
DEFINE(log_warning, LOG_LEVEL_WARNING)
DEFINE(log_info, LOG_LEVEL_INFO)
DEFINE(log_debug, LOG_LEVEL_DEBUG)
