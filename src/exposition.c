/*
 * The metrics' names and what they mean.
 */
#include "exposition.h"
#include "build.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct text {
	struct body *body;
	bool failed;
};

static const struct {
	const char *name, *help;
} events[METRICS_EVENTS] = {
	[METRICS_SESSION_OPENED] = { "jobstatus_database_sessions_opened_total",
	    "Database sessions opened." },
	[METRICS_CONNECT_FAILED] = { "jobstatus_database_connect_failures_total",
	    "Attempts to open a database session that failed." },
	[METRICS_SESSION_LOST] = { "jobstatus_database_sessions_lost_total",
	    "Database sessions that ended while a request used them." },
	[METRICS_CACHE_USED] = { "jobstatus_cache_documents_total",
	    "Answers 200 with a document from memory that the database said is current." },
};

static const struct {
	const char *name, *help;
} gauges[METRICS_GAUGES] = {
	[METRICS_THREADS] = { "jobstatus_threads", "Worker threads." },
	[METRICS_THREADS_BUSY] = { "jobstatus_threads_busy",
	    "Worker threads that serve a request, this one's included." },
	[METRICS_SESSIONS] = { "jobstatus_database_sessions", "Database sessions that are open." },
	[METRICS_SESSIONS_IDLE] = { "jobstatus_database_sessions_idle",
	    "Database sessions that no request uses." },
	[METRICS_DATABASE_DOWN] = { "jobstatus_database_down_processes",
	    "Processes whose last look at the database found it away or refusing." },
};

static const struct {
	const char *name, *help;
	const uint64_t *bounds;
	size_t count;
	double unit; /* of a value, in the metric's */
} histograms[METRICS_HISTOGRAMS] = {
	[METRICS_REQUEST_TIME] = { "jobstatus_request_duration_seconds",
	    "Time from a request's arrival to the end of its answer.", metrics_time_bounds,
	    METRICS_TIMES, 1e-9 },
	[METRICS_DATABASE_TIME] = { "jobstatus_database_duration_seconds",
	    "Time for which a request waited for the database, of those that did.",
	    metrics_time_bounds, METRICS_TIMES, 1e-9 },
	[METRICS_DOCUMENT_SIZE] = { "jobstatus_document_size_bytes", "Size of documents sent.",
	    metrics_size_bounds, METRICS_SIZES, 1 },
};

__attribute__((format(printf, 2, 3))) static void
add(struct text *text, const char *format, ...)
{
	char line[300];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(line) ||
	    body_append(text->body, line, (size_t)length) != 0)
		text->failed = true;
}

static void
add_head(struct text *text, const char *name, const char *type, const char *help)
{
	add(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
add_histogram(struct text *text, enum metrics_histogram which, const struct metrics_counts *counts)
{
	const char *name = histograms[which].name;
	uint64_t total = 0;

	add_head(text, name, "histogram", histograms[which].help);
	for (size_t i = 0; i < histograms[which].count; i++) {
		total += counts->within[i];
		add(text, "%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name,
		    (double)histograms[which].bounds[i] * histograms[which].unit, total);
	}
	total += counts->within[histograms[which].count];
	add(text, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, total);
	add(text, "%s_sum %.17g\n", name, (double)counts->sum * histograms[which].unit);
	add(text, "%s_count %" PRIu64 "\n", name, total);
}

int
exposition_write(struct body *body, const struct metrics *metrics)
{
	struct text text = { body, false };

	add_head(&text, "jobstatus_build_info", "gauge", "The program's version.");
	add(&text, "jobstatus_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	add_head(&text, "jobstatus_processes", "gauge", "Processes that are counted here.");
	add(&text, "jobstatus_processes %" PRIu64 "\n", metrics->processes);
	add_head(&text, "jobstatus_requests_total", "counter",
	    "Requests that were answered, by status; those for /-/ are not counted.");
	for (size_t i = 0; i < METRICS_STATUSES; i++)
		add(&text, "jobstatus_requests_total{status=\"%d\"} %" PRIu64 "\n",
		    metrics_statuses[i], metrics->requests[i]);
	for (int i = 0; i < METRICS_HISTOGRAMS; i++)
		add_histogram(&text, (enum metrics_histogram)i, &metrics->histograms[i]);
	for (size_t i = 0; i < METRICS_EVENTS; i++) {
		add_head(&text, events[i].name, "counter", events[i].help);
		add(&text, "%s %" PRIu64 "\n", events[i].name, metrics->events[i]);
	}
	for (size_t i = 0; i < METRICS_GAUGES; i++) {
		add_head(&text, gauges[i].name, "gauge", gauges[i].help);
		add(&text, "%s %" PRIu64 "\n", gauges[i].name, metrics->gauges[i]);
	}
	return text.failed ? -1 : 0;
}
