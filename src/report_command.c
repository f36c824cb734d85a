/*
 * The commands.  JSON goes to the server as the text that the user gave, cast there and judged
 * there: no number and no \u0000 is touched on the way.
 */
#include "report_command.h"

#include <string.h>

#define JOB REPORT_WORKSPACE, REPORT_JOB
#define BIT(field) (1U << (field))

/*
 * A guarded call does its work only if the job is still the one, in the attempt, that was looked
 * at: $3 is its id, $4 its attempt.  report_job_details() changes nothing with {} and locks the
 * job's row, so what is compared holds until the transaction's end.
 */
#define GUARDED(function) \
	"select case when id = $3::text and attempt = $4::integer" \
	" then (jobstatus." function "($1::text, $2::text)).id end" \
	" from jobstatus.report_job_details($1::text, $2::text, '{}')"

#define OF_JOB(command) .name = command, .usage = "WORKSPACE/JOB", .parameters = { JOB }, .count = 2
#define CALL(function) "select id from jobstatus." function "($1::text, $2::text)"

const struct report_command report_commands[] = {
	{ .name = "create",
	    .usage = "WORKSPACE/JOB [--steps=A,B,...] [--id=ID]",
	    .options = BIT(REPORT_STEPS) | BIT(REPORT_ID),
	    .again = REPORT_AGAIN_CREATE,
	    .sql = "select id from jobstatus.create_job($1::text, $2::text,"
		   " string_to_array(coalesce($3::text, ''), ','), $4::text)",
	    .parameters = { JOB, REPORT_STEPS, REPORT_ID },
	    .count = 4 },
	{ .name = "step",
	    .usage = "WORKSPACE/JOB STEP [STATUS] [--details=JSON] [--error=JSON]",
	    .operands = { REPORT_STEP, REPORT_STATUS },
	    .least = 1,
	    .most = 2,
	    .options = BIT(REPORT_DETAILS) | BIT(REPORT_ERROR),
	    .sql = "select id from jobstatus.report_step($1::text, $2::text, $3::text, $4::text,"
		   " $5::json, $6::json)",
	    .parameters = { JOB, REPORT_STEP, REPORT_STATUS, REPORT_DETAILS, REPORT_ERROR },
	    .count = 6 },
	{ .name = "task",
	    .usage = "WORKSPACE/JOB STEP TASK [STATUS] [--details=JSON] [--error=JSON]"
		     " [--error-stack=TEXT]",
	    .operands = { REPORT_STEP, REPORT_TASK, REPORT_STATUS },
	    .least = 2,
	    .most = 3,
	    .options = BIT(REPORT_DETAILS) | BIT(REPORT_ERROR) | BIT(REPORT_ERROR_STACK),
	    .sql = "select id from jobstatus.report_task($1::text, $2::text, $3::text, $4::text,"
		   " $5::text, $6::json, $7::json, $8::text)",
	    .parameters = { JOB, REPORT_STEP, REPORT_TASK, REPORT_STATUS, REPORT_DETAILS,
		REPORT_ERROR, REPORT_ERROR_STACK },
	    .count = 8 },
	{ .name = "tasks",
	    .usage = "WORKSPACE/JOB STEP JSON",
	    .operands = { REPORT_STEP, REPORT_TASKS },
	    .least = 2,
	    .most = 2,
	    .sql = "select jobstatus.report_tasks($1::text, $2::text, $3::text, $4::json)",
	    .parameters = { JOB, REPORT_STEP, REPORT_TASKS },
	    .count = 4 },
	{ .name = "details",
	    .usage = "WORKSPACE/JOB JSON",
	    .operands = { REPORT_DETAILS },
	    .least = 1,
	    .most = 1,
	    .sql = "select id from jobstatus.report_job_details($1::text, $2::text, $3::json)",
	    .parameters = { JOB, REPORT_DETAILS },
	    .count = 3 },
	{ OF_JOB("complete"), .sql = CALL("complete_job") },
	{ OF_JOB("cancel"), .sql = CALL("cancel_job") },
	{ OF_JOB("pause"), .sql = CALL("pause_job") },
	{ OF_JOB("resume"), .sql = CALL("resume_job") },
	{ OF_JOB("rerun"), .sql = CALL("rerun_job"), .again = REPORT_AGAIN_GUARDED,
	    .guarded = GUARDED("rerun_job") },
	{ OF_JOB("delete"), .sql = CALL("delete_job"), .again = REPORT_AGAIN_GUARDED,
	    .guarded = GUARDED("delete_job") },
	{ .name = NULL },
};

const struct report_command *
report_command_find(const char *name)
{
	for (const struct report_command *command = report_commands; command->name != NULL;
	     command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}
