/*
 * jobstatus-report task --wrap: runs a command as a task.
 */
#ifndef JOBSTATUS_REPORT_WRAP_H
#define JOBSTATUS_REPORT_WRAP_H

#include "report_options.h"

/* Returns the exit code: the command's own, 128 and its signal, or one of sysexits.h, with a line
 * in the log. */
int report_wrap(const struct report_options *options);

#endif
