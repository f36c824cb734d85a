/*
 * The revision is asked for where it may spare the read: a document is held, or the client names
 * the ones that it has.  What is in the cache is used only after that, so no answer is older than
 * its request; and only while no session has been opened since it was read, so that a server which
 * has lost transactions, and gives their revisions away anew, revives nothing.
 */
#include "reading.h"

#include <stdlib.h>

#include "array.h"
#include "clock.h"
#include "config.h"
#include "lookup.h"
#include "metrics.h"
#include "store.h"

/* What is asked for of one job. */
struct asking {
	struct reading *reading;
	struct lookup *const *lookups;
	size_t count;
};

int
reading_open(
    struct reading *reading, struct store *store, struct cache *cache, const struct config *config)
{
	*reading = (struct reading){ .store = store,
		.cache = cache,
		.form = { config->compat, config->accept_unknown_status },
		.parameters = config->authorize != NULL ? PARAMETERS : PARAMETER_PRINCIPAL,
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

/* Makes the tag of ROW's revision.  Returns whether it has one. */
static bool
take_tag(struct reading *reading, const struct row *row, struct tag *tag)
{
	reading->revisions = row->revision.bytes != NULL && row->id.bytes != NULL;
	if (reading->revisions)
		tag_of_revision(tag, &reading->form, &row->id, &row->revision);
	return reading->revisions;
}

static int
take_row(void *context, const struct row *row)
{
	struct reading *reading = context;

	reading->result = document_append(&reading->document, row);
	if (reading->result != DOCUMENT_OK)
		return 1;
	if (row->level == ROW_JOB)
		reading->tagged = take_tag(reading, row, &reading->tag);
	return 0;
}

static int
status_of(enum document_result result)
{
	if (result == DOCUMENT_OK)
		return 200;
	return result == DOCUMENT_BROKEN ? 500 : 503;
}

/* What becomes of a request whose statement ended with RESULT. */
static int
status_of_result(const struct reading *reading, enum store_result result)
{
	switch (result) {
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

/* Runs STATEMENT for LOOKUP's job alone.  Returns what becomes of the request. */
static int
ask_one(struct reading *reading, enum statement statement, struct lookup *lookup,
    const struct store_reader *reader)
{
	const struct row_text parameters[PARAMETERS] = { lookup->job.workspace, lookup->job.name,
		lookup->principal };
	int64_t began = clock_now();
	int status = status_of_result(
	    reading, store_read(reading->store, statement, parameters, lookup->deadline, reader));

	lookup->waited += clock_now() - began;
	return status;
}

static int
read_document(struct reading *reading, struct lookup *lookup)
{
	const struct store_reader reader = { begin_document, take_row, reading };
	int status = ask_one(reading, STATEMENT_STATUS, lookup, &reader);

	if (status != 200 || (status = status_of(document_end(&reading->document))) != 200)
		return status;
	reading->known = true;
	reading->state = reading->document.state;
	if (reading->tagged)
		cache_put(reading->cache, &lookup->job, &reading->tag, reading->epoch,
		    &reading->state, &reading->body);
	else if (tag_of_body(&reading->tag, &reading->form, &reading->body) != 0)
		return 503;
	return 200;
}

static void
begin_lookups(void *context, uint64_t epoch)
{
	const struct asking *asking = context;

	asking->reading->result = DOCUMENT_OK;
	for (size_t i = 0; i < asking->count; i++) {
		asking->lookups[i]->epoch = epoch;
		asking->lookups[i]->status = 404;
		asking->lookups[i]->tagged = false;
	}
}

/* Two jobs of one name, in a view, have no revision: the read tells what is wrong with them. */
static int
take_revision(void *context, const struct row *row)
{
	const struct asking *asking = context;
	size_t place = asking->count == 1 ? 0 : row->place - 1;
	struct lookup *lookup;

	if (place >= asking->count)
		return 0;
	lookup = asking->lookups[place];
	lookup->tagged = lookup->status == 404 && take_tag(asking->reading, row, &lookup->tag);
	lookup->status = 200;
	return 0;
}

/* Asks for several jobs; who is not answered then asks by himself. */
static void
look_up_several(struct asking *asking)
{
	const struct store_reader reader = { begin_lookups, take_revision, asking };
	const struct row_text *texts[PARAMETERS][LOOKUP_MAX];
	struct row_text arrays[PARAMETERS] = { { NULL, 0 } };
	enum store_result result = STORE_STOPPED;
	int64_t began = clock_now(), waited;
	size_t made = 0;

	for (size_t i = 0; i < asking->count; i++) {
		texts[PARAMETER_WORKSPACE][i] = &asking->lookups[i]->job.workspace;
		texts[PARAMETER_NAME][i] = &asking->lookups[i]->job.name;
		texts[PARAMETER_PRINCIPAL][i] = &asking->lookups[i]->principal;
	}
	while (made < asking->reading->parameters) {
		arrays[made] = array_of_texts(texts[made], asking->count);
		if (arrays[made].bytes == NULL)
			break;
		made++;
	}
	if (made == asking->reading->parameters)
		result = store_read(asking->reading->store, STATEMENT_REVISIONS, arrays,
		    asking->lookups[0]->deadline, &reader);
	while (made > 0)
		free((char *)arrays[--made].bytes);
	waited = clock_now() - began;
	for (size_t i = 0; i < asking->count; i++) {
		asking->lookups[i]->waited += waited;
		if (result != STORE_OK && result != STORE_ABSENT)
			asking->lookups[i]->status = 0;
	}
}

void
reading_look_up(struct reading *reading, struct lookup *const lookups[], size_t count)
{
	struct asking asking = { reading, lookups, count };
	const struct store_reader reader = { begin_lookups, take_revision, &asking };
	struct lookup *one = lookups[0];

	if (count > 1)
		look_up_several(&asking);
	else
		one->status = ask_one(reading, STATEMENT_REVISION, one, &reader);
}

/* That something of the kind is there, `*`, the revision does not tell: it may be broken. */
static bool
matches_alone(const struct lookup *lookup, const char *if_none_match)
{
	return if_none_match != NULL && !tag_is_any(if_none_match) &&
	    tag_matches(&lookup->tag, if_none_match);
}

bool
reading_may_look_up(struct reading *reading, const struct lookup *lookup, const char *if_none_match)
{
	return cache_holds(reading->cache, &lookup->job) ||
	    (if_none_match != NULL && reading->revisions && !tag_is_any(if_none_match));
}

bool
reading_is_quick(struct reading *reading, const struct lookup *lookup, const char *if_none_match)
{
	size_t length;

	if (lookup->status != 200)
		return lookup->status != 0;
	if (!lookup->tagged)
		return false;
	length = cache_length(reading->cache, &lookup->job, &lookup->tag, lookup->epoch);
	return matches_alone(lookup, if_none_match) || (length > 0 && length <= READING_QUICK_MAX);
}

/* Returns what LOOKUP alone makes of the request, or 0: the job is to be read. */
static int
settle(struct reading *reading, const struct lookup *lookup, const char *if_none_match)
{
	bool matches;

	if (lookup->status != 200)
		return lookup->status;
	if (!lookup->tagged)
		return 0;
	reading->tag = lookup->tag;
	matches = if_none_match != NULL && tag_matches(&reading->tag, if_none_match);
	reading->known = cache_get(reading->cache, &lookup->job, &reading->tag, lookup->epoch,
	    &reading->state, matches ? NULL : &reading->body);
	if (matches && (reading->known || !tag_is_any(if_none_match)))
		return 304;
	if (!reading->known || matches)
		return 0;
	metrics_happened(METRICS_CACHE_USED);
	return 200;
}

int
reading_run(struct reading *reading, struct lookup *lookup, const char *if_none_match)
{
	int status;

	if (lookup->status == 0 && reading_may_look_up(reading, lookup, if_none_match))
		reading_look_up(reading, &lookup, 1);
	status = settle(reading, lookup, if_none_match);
	if (status != 0)
		return status;
	status = read_document(reading, lookup);
	if (status == 200 && if_none_match != NULL && tag_matches(&reading->tag, if_none_match))
		return 304;
	return status;
}
