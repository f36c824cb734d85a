/*
 * One answer as a plain CGI program (RFC 3875): variables from the environment, the answer to
 * standard output, the command line never read.
 */
#ifndef JOBSTATUS_PLAINCGI_H
#define JOBSTATUS_PLAINCGI_H

#include <stdbool.h>

struct config;

/* Whether this process was started as plain CGI. */
bool plaincgi_is(void);

/* Answers the one request, after reading its body to the end. */
void plaincgi_run(const struct config *config);

/* Answers it with a 500. */
void plaincgi_refuse(void);

#endif
