/*
 * What the status routes tell of the program itself: whether it lives, whether it can answer, and
 * what it has counted.
 */
#ifndef JOBSTATUS_PROBE_H
#define JOBSTATUS_PROBE_H

#include <stdint.h>

#include "request.h"

struct body;
struct store;

/*
 * Fills BODY, which is empty, and returns the answer's status: 200, 503 or 500.  *TYPE is the
 * body's media type, NULL for JSON.  Whether it can answer is asked of STORE until DEADLINE.
 */
int probe_run(enum request_route route, struct store *store, int64_t deadline, struct body *body,
    const char **type);

#endif
