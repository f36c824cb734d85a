/*
 * The status routes.
 */
#include "probe.h"

#include "errors.h"
#include "exposition.h"
#include "store.h"

static int
look(struct store *store, int64_t deadline, struct body *body)
{
	char reason[200];

	if (store_look(store, deadline, reason, sizeof(reason)))
		return errors_status(body, "ready", NULL) == 0 ? 200 : 500;
	return errors_status(body, "not ready", reason) == 0 ? 503 : 500;
}

static int
tell_metrics(struct body *body)
{
	struct metrics metrics;

	metrics_read(&metrics);
	return exposition_write(body, &metrics) == 0 ? 200 : 500;
}

int
probe_run(enum request_route route, struct store *store, int64_t deadline, struct body *body,
    const char **type)
{
	*type = NULL;
	switch (route) {
	case REQUEST_READY:
		return look(store, deadline, body);
	case REQUEST_METRICS:
		*type = EXPOSITION_TYPE;
		return tell_metrics(body);
	default:
		return errors_status(body, "live", NULL) == 0 ? 200 : 500;
	}
}
