/*
 * A request's line.  Its path comes last: it may be so long that it is cut.
 */
#include "access.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "log.h"

#define METHOD_MAX 40
#define PATH_MAX_BYTES 3000 /* more than the log writes */
#define REQUEST_ID_MAX 128

static bool
is_request_id(const char *text)
{
	size_t length = strspn(text,
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:/+=@,;!#$%&'()*");

	return length >= 1 && length <= REQUEST_ID_MAX && text[length] == '\0';
}

/* Makes an id that no other request has: 16 digits of the process, then 16 of the request. */
static void
make_request_id(char id[static 33])
{
	static atomic_uint_least64_t process, requests;
	uint64_t first = atomic_load(&process), drawn = 0;

	while (first == 0) {
		if (getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn))
			drawn = (uint64_t)clock_now();
		if (atomic_compare_exchange_strong(&process, &first, drawn))
			first = drawn;
	}
	snprintf(id, 33, "%016" PRIx64 "%016" PRIx64, first, atomic_fetch_add(&requests, 1) + 1);
}

void
access_log(const struct access *access)
{
	char method[METHOD_MAX + 1], status[12], bytes[24], total[32], database[32], id[33];
	char path[PATH_MAX_BYTES + 1];
	const char *request_id = access->request_id;

	if (request_id == NULL || !is_request_id(request_id)) {
		make_request_id(id);
		request_id = id;
	}
	snprintf(method, sizeof(method), "%s", access->method != NULL ? access->method : "");
	snprintf(status, sizeof(status), "%d", access->status);
	snprintf(bytes, sizeof(bytes), "%" PRIu64, access->bytes);
	snprintf(total, sizeof(total), "%.3f", (double)access->total / CLOCK_MILLISECOND);
	snprintf(database, sizeof(database), "%.3f", (double)access->database / CLOCK_MILLISECOND);
	snprintf(path, sizeof(path), "%s%s", access->script_name != NULL ? access->script_name : "",
	    access->path_info != NULL ? access->path_info : "");

	const struct log_pair pairs[] = { { "event", "request" }, { "method", method },
		{ "status", status }, { "bytes", bytes }, { "total_ms", total },
		{ "database_ms", database }, { "request_id", request_id },
		{ "cut", access->cut ? "yes" : NULL }, { "path", path } };

	log_pairs(LOG_LEVEL_INFO, pairs, sizeof(pairs) / sizeof(pairs[0]));
}
