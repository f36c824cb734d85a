/*
 * The body of an answer while it grows: in memory up to BODY_MEMORY_MAX bytes, beyond that in an
 * unlinked temporary file, so that nothing leaves before everything is there and memory stays
 * small.
 */
#ifndef JOBSTATUS_BODY_H
#define JOBSTATUS_BODY_H

#include <stddef.h>
#include <stdint.h>

#define BODY_MEMORY_MAX (256 * 1024)

struct printbuf;

struct body {
	struct printbuf *buffer; /* what is not in the file yet */
	int file;                /* or -1 */
	uint64_t spooled;        /* bytes in the file */
};

/* Takes bytes in pieces; returns 0, or -1 to be given no more. */
typedef int body_sink(void *context, const char *bytes, size_t length);

/* Makes an empty body.  Returns 0, or -1 if there is no memory. */
int body_open(struct body *body);
void body_close(struct body *body);

/* Empties it and gives the file's space back; the memory is kept for the next answer. */
void body_clear(struct body *body);

/* Appends.  Returns 0, or -1 if there is no memory or no space (logged). */
int body_append(struct body *body, const char *bytes, size_t length);

uint64_t body_length(const struct body *body);

/* The bytes, *LENGTH of them, while they are in memory; NULL when some are in the file. */
const char *body_memory(const struct body *body, size_t *length);

/* Gives all bytes, in order, to SINK.  Returns 0, or -1 if SINK does or the file cannot be read. */
int body_send(const struct body *body, body_sink *sink, void *context);

#endif
