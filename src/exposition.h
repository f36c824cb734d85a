/*
 * The metrics as Prometheus reads them, in its text format 0.0.4.
 */
#ifndef JOBSTATUS_EXPOSITION_H
#define JOBSTATUS_EXPOSITION_H

#include "body.h"
#include "metrics.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends METRICS to BODY.  Returns 0, or -1: no memory. */
int exposition_write(struct body *body, const struct metrics *metrics);

#endif
