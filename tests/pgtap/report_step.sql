-- report_step: a step's status and details, and what follows for its job.
\ir cases.psql
begin;
select plan(86);

select is(pg_temp.play(job, format('report_step(''w'', ''j'', %L, %L)', step, status)), outcome,
    format('%s | %s %s', job, step, coalesce(status, 'as it is')))
from (values
    -- A first step takes its job along, another one not before it is active.
    ('created: a=created b=created', 'a', 'pending', 'pending: a=pending b=created'),
    ('created: a=created b=created', 'b', 'pending', 'created: a=created b=pending'),
    ('created: 3:a=created b=created', 'a', 'pending', 'pending: 3:a=pending b=created'),
    ('created: 3:a=created 7:b=created', 'b', 'pending', 'created: 3:a=created 7:b=pending'),
    ('created: a=created b=created', 'b', 'active', 'active: a=created b=active'),
    ('pending: a=pending b=created', 'a', 'active', 'active: a=active b=created'),
    ('pending: a=completed b=created', 'b', 'pending', 'pending: a=completed b=pending'),
    ('active: a=active[t=active]', 'a', 'paused', 'paused: a=paused[t=active]'),
    ('resuming: a=resuming', 'a', 'pending', 'pending: a=pending'),
    ('resuming: a=completed b=resuming', 'b', 'pending', 'resuming: a=completed b=pending'),
    -- What is copied to the job.
    ('created: a=created b=created', 'a', 'cancelling', 'cancelling: a=cancelling b=created'),
    ('created: a=created b=created', 'b', 'pausing', 'pausing: a=created b=pausing'),
    ('created: a=created b=created', 'b', 'paused', 'paused: a=created b=paused'),
    ('pausing: a=pausing', 'a', 'paused', 'paused: a=paused'),
    ('paused: a=paused', 'a', 'resuming', 'resuming: a=resuming'),
    ('resuming: a=resuming', 'a', 'active', 'active: a=active'),
    -- Steps that have not begun end with the job, and only those.
    ('active: a=active b=created c=pending', 'a', 'cancelled', 'cancelled: a=cancelled b=cancelled c=pending'),
    ('active: a=completed b=active[t=active] c=created d+=created', 'b', 'error',
        'error: a=completed b=error[t=active] c=cancelled d+=cancelled'),
    ('cancelling: a=cancelling b=created', 'a', 'cancelled', 'cancelled: a=cancelled b=cancelled'),
    ('cancelling: a=cancelling b=created', 'a', 'error', 'error: a=error b=cancelled'),
    ('created: a=created', 'a', 'error', 'error: a=error'),
    ('created: a=created', 'a', 'cancelled', 'cancelled: a=cancelled'),
    -- The last declared step completes the job, if all are completed.
    ('active: a=active b=created', 'a', 'completed', 'active: a=completed b=created'),
    ('pending: a=pending b=created', 'a', 'completed', 'pending: a=completed b=created'),
    ('active: a=completed b=active', 'b', 'completed', 'completed: a=completed b=completed'),
    ('pending: a=pending', 'a', 'completed', 'completed: a=completed'),
    ('active: a=active b=active', 'b', 'completed', 'active: a=active b=completed'),
    ('active: a=active b=completed', 'a', 'completed', 'active: a=completed b=completed'),
    ('active: a=active b+=completed', 'a', 'completed', 'completed: a=completed b+=completed'),
    ('active: a=active b+=active', 'a', 'completed', 'active: a=completed b+=active'),
    ('active: a=completed b+=active', 'b', 'completed', 'active: a=completed b+=completed'),
    ('active: a+=active', 'a', 'completed', 'active: a+=completed'),
    ('active: a=active[t=pending]', 'a', 'completed', 'completed: a=completed[t=pending]'),
    ('active: 4:a=completed 9:b=active', 'b', 'completed', 'completed: 4:a=completed 9:b=completed'),
    -- Steps that come with a report.
    ('created:', 'a', null, 'created: a+=created'),
    ('created:', 'a', 'created', 'created: a+=created'),
    ('created:', 'a', 'pending', 'pending: a+=pending'),
    ('created:', 'a', 'active', 'active: a+=active'),
    ('created:', 'a', 'completed', 'created: a+=completed'),
    ('created:', 'a', 'error', 'error: a+=error'),
    ('active: a=active', 'b', null, 'active: a=active b+=created'),
    ('created: a=created', 'b', 'pending', 'created: a=created b+=pending'),
    ('active: a=completed 7:b=active', 'c', 'completed', 'active: a=completed 7:b=active c+=completed'),
    ('paused: a=paused', 'b', 'created', 'paused: a=paused b+=created'),
    ('paused: a=paused', 'b', 'resuming', 'resuming: a=paused b+=resuming'),
    ('active: a=active b=created', 'c', 'cancelled', 'cancelled: a=active b=cancelled c+=cancelled'),
    -- Only the current attempt counts.
    ('active@1: load=active', 'extract', 'active', 'active@1: load=active extract+=active'),
    ('active@1: extract=active', 'extract', 'completed', 'completed@1: extract=completed'),
    -- No status, or the same again.
    ('active: a=active', 'a', null, 'unchanged'),
    ('active: a=active', 'a', 'active', 'unchanged'),
    ('pending: a=active', 'a', 'active', 'unchanged'),
    ('active: a=completed', 'a', 'completed', 'unchanged'),
    ('completed: a=completed b=completed', 'b', 'completed', 'unchanged'),
    ('error: a=error b=pending', 'b', 'pending', 'unchanged'),
    ('error: a=error', 'a', null, 'unchanged'),
    -- A step whose job stays as it is.
    ('active: a=pending b=active', 'a', 'active', 'active: a=active b=active'),
    ('cancelling: a=active b=cancelling', 'a', 'cancelling', 'cancelling: a=cancelling b=cancelling'),
    -- What a step may not.
    ('active: a=completed b=active', 'a', 'active', 'JS004 illegal transition: step "a" from completed to active'),
    ('created: a=created', 'a', 'completed', 'JS004 illegal transition: step "a" from created to completed'),
    ('created: a=created', 'a', 'resuming', 'JS004 illegal transition: step "a" from created to resuming'),
    ('active: a=active', 'a', 'created', 'JS004 illegal transition: step "a" from active to created'),
    ('pausing: a=pausing', 'a', 'active', 'JS004 illegal transition: step "a" from pausing to active'),
    ('cancelling: a=cancelling', 'a', 'completed', 'JS004 illegal transition: step "a" from cancelling to completed'),
    -- What its job may not, the step may not.
    ('paused: a=paused b=active', 'b', 'cancelled', 'JS004 illegal transition: job "j" from paused to cancelled'),
    ('paused: a=paused b=pending', 'b', 'error', 'JS004 illegal transition: job "j" from paused to error'),
    ('pausing: a=pausing b=created', 'b', 'active', 'JS004 illegal transition: job "j" from pausing to active'),
    ('cancelling: a=cancelling b=created', 'b', 'active',
        'JS004 illegal transition: job "j" from cancelling to active'),
    ('paused: a=completed b=active', 'b', 'completed', 'JS004 illegal transition: job "j" from paused to completed'),
    ('active: a=pending', 'b', 'resuming', 'JS004 illegal transition: job "j" from active to resuming'),
    ('active: a=created', 'a', 'pending', 'JS004 illegal transition: job "j" from active to pending'),
    -- Nothing begins or changes in a job that has ended.
    ('error: a=error b=active', 'b', 'completed',
        'JS004 illegal transition: step "b" from active to completed: job "j" is error'),
    ('completed: a=completed', 'a', 'active',
        'JS004 illegal transition: step "a" from completed to active: job "j" is completed'),
    ('completed: a=completed', 'b', null,
        'JS004 illegal transition: step "b" from nothing to created: job "j" is completed'),
    ('cancelled: a=cancelled', 'b', 'completed',
        'JS004 illegal transition: step "b" from nothing to completed: job "j" is cancelled'),
    ('cancelled:', 'a', 'cancelled',
        'JS004 illegal transition: step "a" from nothing to cancelled: job "j" is cancelled')
) cases(job, step, status, outcome);

-- Details: status details are merged, error details take the place of the old ones.
select pg_temp.given('active: a=active') \g /dev/null
set session authorization writer;
select is(concat_ws(' ', r.status_details, r.error_details), outcome,
    format('%s and %s: %s', coalesce(new_details, 'NULL'), coalesce(new_errors, 'NULL'), what))
from (values
    ('{"a":1}', '{"e":1}', '{"a":1} {"e":1}', 'the first ones are stored as they are given'),
    ('{"b":2}', null, '{"a": 1, "b": 2} {"e":1}', 'other keys stay'),
    ('{"a":3}', '{"f":{}}', '{"a": 3, "b": 2} {"f":{}}', 'errors are replaced as a whole'),
    ('{}', '{}', '{"a": 3, "b": 2} {"f":{}}', 'empty ones leave what is there')
) cases(new_details, new_errors, outcome, what),
    jobstatus.report_step('w', 'j', 'a', null, new_details::json, new_errors::json) r;
select is(concat_ws(' ', r.status, r.status_details, r.error_details), 'error {"a": 3, "b": 2} {"f":{}}',
    'an error keeps them, too') from jobstatus.report_step('w', 'j', 'a', 'error') r;
reset session authorization;
select is(concat_ws(' ', status, status_details, error_details), 'error {} {"f":{}}',
    'a step''s error is its job''s, its status details are not')
        from jobstatus.jobs where workspace = 'w' and name = 'j';

-- After the end.
set session authorization writer;
select is(concat_ws(' ', r.status, r.status_details, r.error_details), 'error {"a": 3, "b": 2, "c": 4} {"g":1}',
    'details may come after the end') from jobstatus.report_step('w', 'j', 'a', 'error', '{"c":4}', '{"g":1}') r;
reset session authorization;
select is(error_details::text, '{"f":{}}', 'the job''s errors are those of the moment of its end')
    from jobstatus.jobs where workspace = 'w' and name = 'j';

-- A new step with everything; an error without details.
select pg_temp.given('active: a=active') \g /dev/null
update jobstatus.jobs set error_details = '{"old":1}' where workspace = 'w' and name = 'j';
set session authorization writer;
select is(concat_ws(' ', r.position, r.attempt, r.name, r.status, r.status_details, r.error_details, r.declared,
        r.id ~ '^step-[0-9a-f-]{36}$'), '1 0 b error {"a": 1} {"e": 1} f t', 'a new step')
    from jobstatus.report_step('w', 'j', 'b', 'error', '{"a": 1}', '{"e": 1}') r;
reset session authorization;
select is(concat_ws(' ', status, status_details, error_details), 'error {} {"e": 1}',
    'its error is its job''s, too') from jobstatus.jobs where workspace = 'w' and name = 'j';
select pg_temp.given('active: a=active') \g /dev/null
update jobstatus.jobs set error_details = '{"old":1}' where workspace = 'w' and name = 'j';
select jobstatus.report_step('w', 'j', 'a', 'error') \g /dev/null
select is(error_details::text, '{}', 'an error without details leaves none of another in the job')
    from jobstatus.jobs where workspace = 'w' and name = 'j';

select * from finish();
rollback;
