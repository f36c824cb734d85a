/*
 * What the database's answer means to the caller of jobstatus-report: an exit code.
 */
#ifndef JOBSTATUS_REPORT_OUTCOME_H
#define JOBSTATUS_REPORT_OUTCOME_H

/*
 * The code of sysexits.h for SQLSTATE, which is empty when no answer came.  EX_TEMPFAIL is what may
 * well be different at the next try; every other code is final.  *HINT is what an operator may do
 * about it, or NULL.
 */
int report_outcome(const char *sqlstate, const char **hint);

#endif
