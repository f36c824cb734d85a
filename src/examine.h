/*
 * --check: tells an operator in plain words what keeps the program from reading.
 */
#ifndef JOBSTATUS_EXAMINE_H
#define JOBSTATUS_EXAMINE_H

struct config;

/* Examines database, schema and rights; prints findings.  Returns 0 if all is well (warnings
 * apart), or -1. */
int examine_run(const struct config *config);

#endif
