/*
 * The log: one line per event, to standard error or to syslog.  Until log_open() lines are for
 * people, "program: level: text"; from then on in logfmt, "time=... level=... program=... msg=...",
 * with the level before it as journald wants it when standard error is its stream.  Control
 * characters and what is no UTF-8 are written as \xNN, so that nothing a client or the database
 * says can forge a line.
 */
#ifndef JOBSTATUS_LOG_H
#define JOBSTATUS_LOG_H

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

/* A key, of letters and _, and what it is worth; NULL leaves it out. */
struct log_pair {
	const char *key, *value;
};

/* Sets the name that lines have, which stays the caller's.  Before: "jobstatus". */
void log_name(const char *name);

/* Sets where lines go and the least important level that is written.  Before: stderr, info. */
void log_open(enum log_target target, enum log_level level);

/* Write one line each, whole, from any thread; text beyond 2000 bytes is cut, and a value at 3000
 * of what it is written as. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_pairs(enum log_level level, const struct log_pair *pairs, size_t count);

#endif
