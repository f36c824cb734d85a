/*
 * What a front's records have to be before libfcgi reads them: those of one request, in their
 * order.  It loses its place among others, asks for as much memory as a length says, ends the
 * process where it gets none, and answers a question for values in a buffer of 64 bytes, whatever
 * is asked for.
 */
#ifndef JOBSTATUS_GATE_H
#define JOBSTATUS_GATE_H

#include <stdbool.h>
#include <stddef.h>

#define GATE_VARIABLES_MAX (256 * 1024) /* bytes of a request's variables, with their lengths */
#define GATE_VALUES_MAX 59 /* bytes of a GET_VALUES record: three of the names that it knows */

/* How far one request has come.  All zero: nothing of it has. */
struct gate {
	enum { GATE_IDLE, GATE_VARIABLES, GATE_BODY, GATE_OVER } stage;
	unsigned int id; /* the request's */
	unsigned char header[8];
	unsigned int have; /* bytes of a header; 8: in a record */
	size_t left;       /* bytes of its content, */
	size_t padding;    /* and of what comes after that */
	size_t total;      /* bytes of variables so far */
	unsigned char lengths[8];
	unsigned int lengths_have; /* bytes of the lengths of a name and its value */
	size_t pair_left;          /* bytes of the two */
	bool refused;              /* something was, and so is all that comes later */
};

/* Makes GATE, for a request that begins, the one that this thread's reads of libfcgi pass; NULL:
 * they pass none. */
void gate_enter(struct gate *gate);

/* Takes LENGTH bytes more.  Returns whether libfcgi may have them. */
bool gate_pass(struct gate *gate, const unsigned char *bytes, size_t length);

#endif
