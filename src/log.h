/*
 * The log: one line per event, to standard error or to syslog.  Lines have the form
 * "jobstatus: level: text"; control characters in the text are written as \xNN, so that nothing a
 * client or the database says can forge a line.
 */
#ifndef JOBSTATUS_LOG_H
#define JOBSTATUS_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

/* Sets the name that lines begin with, which stays the caller's.  Before: "jobstatus". */
void log_name(const char *name);

/* Sets where lines go and the least important level that is written.  Before: stderr, info. */
void log_open(enum log_target target, enum log_level level);

/* Write one line each, whole, from any thread; text beyond 2000 bytes is cut. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
