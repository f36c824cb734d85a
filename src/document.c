/*
 * Rows to the JSON document, in the contract's key order.  Details are spliced as the text that
 * they are: parsed and printed again, numbers beyond 64 bits, nesting and duplicate keys would be
 * lost.  Strings that need no escaping go in as they are, the others through json-c.
 */
#include "document.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json_object.h>

#include "body.h"
#include "log.h"
#include "members.h"
#include "timestamp.h"

#define SHOWN(text) (int)((text).length < 300 ? (text).length : 300), (text).bytes

static const char *const statuses[] = { "created", "pending", "active", "cancelled", "cancelling",
	"error", "completed", "paused", "pausing", "resuming" };

static const char *const levels[] = { [ROW_JOB] = "job", [ROW_STEP] = "step", [ROW_TASK] = "task" };

void
document_open(
    struct document *document, struct body *body, enum compat compat, bool accept_unknown_status)
{
	memset(document, 0, sizeof(*document));
	document->body = body;
	document->compat = compat;
	document->accept_unknown_status = accept_unknown_status;
}

void
document_close(struct document *document)
{
	free(document->position);
	document->position = NULL;
}

void
document_begin(struct document *document)
{
	body_clear(document->body);
	document->in_step = document->any_step = document->any_task = false;
}

static enum document_result
broken(const struct row *row, const char *what)
{
	log_error("%s \"%.*s\" (id \"%.*s\"): %s", levels[row->level], SHOWN(row->name),
	    SHOWN(row->id), what);
	return DOCUMENT_BROKEN;
}

static bool
is_status(const struct row *row, const char *status)
{
	if (row->encoded)
		return members_is_string(row->status, status);
	return row->status.length == strlen(status) &&
	    memcmp(row->status.bytes, status, row->status.length) == 0;
}

static bool
known_status(const struct row *row)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (is_status(row, statuses[i]))
			return true;
	return false;
}

static bool
has_ended(const struct row *row)
{
	return is_status(row, "completed") || is_status(row, "error") ||
	    is_status(row, "cancelled");
}

static bool
begins_with(struct row_text text, const char *bytes, size_t length)
{
	return text.length >= length && memcmp(text.bytes, bytes, length) == 0;
}

/* NULL, or JSON's null. */
static bool
is_null(struct row_text json)
{
	return json.bytes == NULL || begins_with(json, "null", 4);
}

/* What JSON calls white space around a value. */
static struct row_text
trimmed(struct row_text text)
{
	while (text.length > 0 && memchr(" \t\r\n", text.bytes[0], 4) != NULL) {
		text.bytes++;
		text.length--;
	}
	return text;
}

/* Sets *OBJECT to the text of an object: TEXT's, or {} for none.  False: it is something else. */
static bool
details_object(struct row_text text, struct row_text *object)
{
	static const struct row_text none = { "{}", 2 };

	text = trimmed(text);
	*object = is_null(text) ? none : text;
	return begins_with(*object, "{", 1);
}

/* Says what of ROW the contract cannot express, or NULL. */
static const char *
fault(const struct document *document, const struct row *row)
{
	struct row_text object;

	if (row->id.bytes == NULL || row->name.bytes == NULL)
		return "id or name is NULL";
	if (row->status.bytes == NULL || (row->encoded && row->status.bytes[0] != '"'))
		return "there is no status, or one that is no text";
	if (!document->accept_unknown_status && !known_status(row))
		return "unknown status";
	if (row->encoded && !is_null(row->error_stack) && row->error_stack.bytes[0] != '"')
		return "error_stack is no text";
	if (!details_object(row->status_details, &object))
		return "status_details is no JSON object";
	if (!details_object(row->error_details, &object))
		return "error_details is no JSON object";
	if (!timestamp_valid(row->created_at))
		return "timestamp created_at is outside the years 0001 to 9999";
	if (!timestamp_valid(row->updated_at))
		return "timestamp updated_at is outside the years 0001 to 9999";
	return NULL;
}

static bool
put(struct document *document, const char *bytes, size_t length)
{
	return body_append(document->body, bytes, length) == 0;
}

#define PUT(document, literal) put((document), "" literal, sizeof(literal) - 1)

#define EACH_BYTE(value) (0x0101010101010101u * (value))

/* Not 0 if a byte of WORD is less than LIMIT, which is at most 0x80. */
static uint64_t
any_below(uint64_t word, unsigned char limit)
{
	return (word - EACH_BYTE(limit)) & ~word & EACH_BYTE(0x80);
}

static bool
word_needs_escape(uint64_t word)
{
	return (any_below(word, 0x20) | any_below(word ^ EACH_BYTE('"'), 1) |
		   any_below(word ^ EACH_BYTE('\\'), 1)) != 0;
}

/* Eight bytes at a time: most of a document's strings pass here. */
static bool
needs_escape(const struct row_text *text)
{
	uint64_t word;
	size_t at;

	for (at = 0; text->length - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, text->bytes + at, sizeof(word));
		if (word_needs_escape(word))
			return true;
	}
	word = EACH_BYTE(' ');
	memcpy(&word, text->bytes + at, text->length - at);
	return word_needs_escape(word);
}

static bool
put_escaped(struct document *document, const struct row_text *text)
{
	struct json_object *string = json_object_new_string_len(text->bytes, (int)text->length);
	const char *escaped = NULL;
	size_t length;
	bool ok;

	if (string != NULL)
		escaped = json_object_to_json_string_length(
		    string, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (escaped == NULL)
		log_error("no memory for an answer");
	ok = escaped != NULL && put(document, escaped, length);
	json_object_put(string);
	return ok;
}

static bool
put_string(struct document *document, const struct row_text *text)
{
	if (needs_escape(text))
		return put_escaped(document, text);
	return PUT(document, "\"") && put(document, text->bytes, text->length) &&
	    PUT(document, "\"");
}

/* A value of ROW that is text, plain or a JSON value already. */
static bool
put_value(struct document *document, const struct row *row, const struct row_text *value)
{
	return row->encoded ? put(document, value->bytes, value->length) :
			      put_string(document, value);
}

/* `,"created_at":…,"updated_at":…}`, which ends an object of any level. */
static bool
put_times(struct document *document, int64_t created, int64_t updated)
{
	enum timestamp_form form =
	    document->compat == COMPAT_NEMO_PLATFORM ? TIMESTAMP_NAIVE : TIMESTAMP_UTC;
	char text[TIMESTAMP_LENGTH];

	return PUT(document, ",\"created_at\":\"") &&
	    put(document, text, timestamp_format(text, created, form)) &&
	    PUT(document, "\",\"updated_at\":\"") &&
	    put(document, text, timestamp_format(text, updated, form)) && PUT(document, "\"}");
}

/* The members that every level begins with. */
static bool
put_head(struct document *document, const struct row *row)
{
	static const struct row_text null = { "null", 4 };
	struct row_text status_details, error_details;

	details_object(row->status_details, &status_details);
	details_object(row->error_details, &error_details);
	if (document->compat == COMPAT_NEMO_PLATFORM && row->level == ROW_JOB &&
	    is_null(trimmed(row->error_details)))
		error_details = null;
	return PUT(document, "{\"id\":") && put_string(document, &row->id) &&
	    PUT(document, ",\"name\":") && put_string(document, &row->name) &&
	    PUT(document, ",\"status\":") && put_value(document, row, &row->status) &&
	    PUT(document, ",\"status_details\":") &&
	    put(document, status_details.bytes, status_details.length) &&
	    PUT(document, ",\"error_details\":") &&
	    put(document, error_details.bytes, error_details.length);
}

static bool
end_step(struct document *document)
{
	if (!document->in_step)
		return true;
	document->in_step = false;
	if (document->step_updated > document->job_updated && document->compat == COMPAT_NONE)
		document->job_updated = document->step_updated;
	return PUT(document, "]") &&
	    put_times(document, document->step_created, document->step_updated);
}

static bool
keep_position(struct document *document, const struct row_text *position)
{
	if (position->length > document->position_size) {
		char *grown = realloc(document->position, position->length);

		if (grown == NULL) {
			log_error("no memory for an answer");
			return false;
		}
		document->position = grown;
		document->position_size = position->length;
	}
	if (position->length > 0)
		memcpy(document->position, position->bytes, position->length);
	document->position_length = position->length;
	return true;
}

static bool
same_position(const struct document *document, const struct row_text *position)
{
	return position->length == document->position_length &&
	    (position->length == 0 ||
		memcmp(position->bytes, document->position, position->length) == 0);
}

static bool
put_job(struct document *document, const struct row *row)
{
	document->state.ended = has_ended(row);
	document->state.changed = row->updated_at;
	document->job_created = row->created_at;
	document->job_updated = row->updated_at;
	return put_head(document, row) && PUT(document, ",\"steps\":[");
}

static bool
put_step(struct document *document, const struct row *row)
{
	bool ok = end_step(document) && (!document->any_step || PUT(document, ",")) &&
	    put_head(document, row) && PUT(document, ",\"tasks\":[") &&
	    keep_position(document, &row->step_position);

	document->in_step = document->any_step = true;
	document->any_task = false;
	document->step_created = row->created_at;
	document->step_updated = row->updated_at;
	return ok;
}

static bool
put_error_stack(struct document *document, const struct row *row)
{
	if (!PUT(document, ",\"error_stack\":"))
		return false;
	if (row->error_stack.bytes != NULL && !(row->encoded && is_null(row->error_stack)))
		return put_value(document, row, &row->error_stack);
	return document->compat == COMPAT_NEMO_PLATFORM ? PUT(document, "null") :
							  PUT(document, "\"\"");
}

static bool
put_task(struct document *document, const struct row *row)
{
	bool ok = (!document->any_task || PUT(document, ",")) && put_head(document, row) &&
	    put_error_stack(document, row) && put_times(document, row->created_at, row->updated_at);

	document->any_task = true;
	if (row->updated_at > document->step_updated && document->compat == COMPAT_NONE)
		document->step_updated = row->updated_at;
	return ok;
}

/* A view may hold rows that our tables' keys keep out. */
static const char *
misplaced(const struct document *document, const struct row *row)
{
	bool first = body_length(document->body) == 0;

	if (first != (row->level == ROW_JOB))
		return first ? "it comes without its job" :
			       "there are two of this workspace and name";
	if (row->level == ROW_STEP && document->in_step &&
	    same_position(document, &row->step_position))
		return "two steps have the same position";
	if (row->level == ROW_TASK &&
	    (!document->in_step || !same_position(document, &row->step_position)))
		return "its step does not exist";
	return NULL;
}

enum document_result
document_append(struct document *document, const struct row *row)
{
	static bool (*const put_level[])(struct document *, const struct row *) = {
		[ROW_JOB] = put_job, [ROW_STEP] = put_step, [ROW_TASK] = put_task
	};
	const char *what = fault(document, row);

	if (what == NULL)
		what = misplaced(document, row);
	if (what != NULL)
		return broken(row, what);
	if (row->updated_at > document->state.changed)
		document->state.changed = row->updated_at;
	return put_level[row->level](document, row) ? DOCUMENT_OK : DOCUMENT_FULL;
}

enum document_result
document_end(struct document *document)
{
	bool ok = end_step(document) && PUT(document, "]") &&
	    put_times(document, document->job_created, document->job_updated);

	return ok ? DOCUMENT_OK : DOCUMENT_FULL;
}
