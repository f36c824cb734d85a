/*
 * The revision is asked for where it may spare the read: a document is held, or the client names
 * the ones that it has.  What is in the cache is used only after that, so no answer is older than
 * its request; and only while no session has been opened since it was read, so that a server which
 * has lost transactions, and gives their revisions away anew, revives nothing.
 */
#include "reading.h"

#include "config.h"
#include "request.h"
#include "store.h"

int
reading_open(
    struct reading *reading, struct store *store, struct cache *cache, const struct config *config)
{
	*reading = (struct reading){ .store = store,
		.cache = cache,
		.form = { config->compat, config->accept_unknown_status },
		.revisions = true };
	if (body_open(&reading->body) != 0)
		return -1;
	document_open(
	    &reading->document, &reading->body, config->compat, config->accept_unknown_status);
	return 0;
}

void
reading_close(struct reading *reading)
{
	document_close(&reading->document);
	body_close(&reading->body);
}

static void
begin_document(void *context, uint64_t epoch)
{
	struct reading *reading = context;

	reading->epoch = epoch;
	reading->tagged = false;
	reading->result = DOCUMENT_OK;
	document_begin(&reading->document);
}

/* Makes the tag of ROW's revision, if it has one. */
static void
take_tag(struct reading *reading, const struct row *row)
{
	reading->revisions = reading->tagged = row->revision.bytes != NULL && row->id.bytes != NULL;
	if (reading->tagged)
		tag_of_revision(&reading->tag, &reading->form, &row->id, &row->revision);
}

static int
take_row(void *context, const struct row *row)
{
	struct reading *reading = context;

	reading->result = document_append(&reading->document, row);
	if (reading->result != DOCUMENT_OK)
		return 1;
	if (row->level == ROW_JOB)
		take_tag(reading, row);
	return 0;
}

static int
status_of(enum document_result result)
{
	if (result == DOCUMENT_OK)
		return 200;
	return result == DOCUMENT_BROKEN ? 500 : 503;
}

/* Runs STATEMENT.  Returns 200 when all rows were taken. */
static int
ask(struct reading *reading, enum statement statement, const struct cache_key *job,
    int64_t deadline, const struct store_reader *reader)
{
	switch (
	    store_read(reading->store, statement, &job->workspace, &job->name, deadline, reader)) {
	case STORE_OK:
		return 200;
	case STORE_ABSENT:
		return 404;
	case STORE_STOPPED:
		return status_of(reading->result);
	case STORE_BROKEN:
		return 500;
	case STORE_UNAVAILABLE:
		break;
	}
	return 503;
}

static int
read_document(struct reading *reading, const struct cache_key *job, int64_t deadline)
{
	const struct store_reader reader = { begin_document, take_row, reading };
	int status = ask(reading, STATEMENT_STATUS, job, deadline, &reader);

	if (status != 200 || (status = status_of(document_end(&reading->document))) != 200)
		return status;
	reading->known = true;
	reading->state = reading->document.state;
	if (reading->tagged)
		cache_put(reading->cache, job, &reading->tag, reading->epoch, &reading->state,
		    &reading->body);
	else if (tag_of_body(&reading->tag, &reading->form, &reading->body) != 0)
		return 503;
	return 200;
}

static void
begin_revision(void *context, uint64_t epoch)
{
	struct reading *reading = context;

	reading->epoch = epoch;
	reading->tagged = false;
	reading->result = DOCUMENT_OK;
}

/* Two jobs of one name, in a view, have no revision: the read tells what is wrong with them. */
static int
take_revision(void *context, const struct row *row)
{
	struct reading *reading = context;

	if (reading->tagged)
		reading->tagged = false;
	else
		take_tag(reading, row);
	return !reading->tagged;
}

/* Returns 200 or 304, another final status, or 0: the job is to be read. */
static int
try_revision(struct reading *reading, const struct cache_key *job, const char *if_none_match,
    int64_t deadline)
{
	const struct store_reader reader = { begin_revision, take_revision, reading };
	int status = ask(reading, STATEMENT_REVISION, job, deadline, &reader);
	bool matches;

	if (status != 200)
		return status;
	if (!reading->tagged)
		return 0;
	matches = if_none_match != NULL && tag_matches(&reading->tag, if_none_match);
	reading->known = cache_get(reading->cache, job, &reading->tag, reading->epoch,
	    &reading->state, matches ? NULL : &reading->body);
	if (matches && (reading->known || !tag_is_any(if_none_match)))
		return 304;
	return reading->known && !matches ? 200 : 0;
}

int
reading_run(struct reading *reading, const struct request *request, const char *if_none_match,
    int64_t deadline)
{
	const struct cache_key job = { { request->workspace.bytes, request->workspace.length },
		{ request->name.bytes, request->name.length } };
	int status = 0;

	/* That something of the kind is there, `*`, the revision does not tell: it may be broken.
	 */
	if (cache_holds(reading->cache, &job) ||
	    (if_none_match != NULL && reading->revisions && !tag_is_any(if_none_match)))
		status = try_revision(reading, &job, if_none_match, deadline);
	if (status != 0)
		return status;
	status = read_document(reading, &job, deadline);
	if (status == 200 && if_none_match != NULL && tag_matches(&reading->tag, if_none_match))
		return 304;
	return status;
}
