-- report_task: a task's status, details and stack, and what follows for its job.
\ir cases.psql
begin;
select plan(47);

select is(pg_temp.play(job, format('report_task(''w'', ''j'', ''a'', %L, %L)', task, status)), outcome,
    format('%s | %s %s', job, task, coalesce(status, 'as it is')))
from (values
    -- A task that is not there comes last.
    ('active: a=active', 't', null, 'active: a=active[t=pending]'),
    ('active: a=active b=active[t=active]', 't', null, 'active: a=active[t=pending] b=active[t=active]'),
    ('active: a=active[t=active]', 'u', null, 'active: a=active[t=active u=pending]'),
    ('active@1: a=active', 'part', null, 'active@1: a=active[part=pending]'),
    -- In any status.
    ('active: a=active', 't', 'created', 'active: a=active[t=created]'),
    ('active: a=active', 't', 'active', 'active: a=active[t=active]'),
    ('active: a=active', 't', 'resuming', 'active: a=active[t=resuming]'),
    ('active: a=active', 't', 'completed', 'active: a=active[t=completed]'),
    ('active: a=active', 't', 'error', 'active: a=active[t=error]'),
    -- Neither its step nor its job follows a task.
    ('created: a=created', 't', 'active', 'created: a=created[t=active]'),
    ('active: a=active[t=active]', 't', 'completed', 'active: a=active[t=completed]'),
    ('active: a=active[t=active]', 't', 'error', 'active: a=active[t=error]'),
    ('active: a=active[t=active]', 't', 'cancelled', 'active: a=active[t=cancelled]'),
    ('cancelling: a=cancelling[t=active]', 't', 'completed', 'cancelling: a=cancelling[t=completed]'),
    ('paused: a=paused[t=paused]', 't', 'resuming', 'paused: a=paused[t=resuming]'),
    ('active: a=completed[t=pending]', 't', 'active', 'active: a=completed[t=active]'),
    -- No status, or the same again.
    ('active: a=active[t=error]', 't', null, 'unchanged'),
    ('active: a=active[t=error]', 't', 'error', 'unchanged'),
    ('completed: a=completed[t=active]', 't', 'active', 'unchanged'),
    ('error: a=error[t=active]', 't', null, 'unchanged'),
    -- What a task may not.
    ('active: a=active[t=completed]', 't', 'active', 'JS004 illegal transition: task "t" from completed to active'),
    ('active: a=active[t=active]', 't', 'pending', 'JS004 illegal transition: task "t" from active to pending'),
    ('active: a=active[t=created]', 't', 'completed', 'JS004 illegal transition: task "t" from created to completed'),
    ('active: a=active[t=pausing]', 't', 'resuming', 'JS004 illegal transition: task "t" from pausing to resuming'),
    -- Nothing begins or changes in a job that has ended.
    ('completed: a=completed[t=active]', 't', 'completed',
        'JS004 illegal transition: task "t" from active to completed: job "j" is completed'),
    ('error: a=error[t=error]', 't', 'active',
        'JS004 illegal transition: task "t" from error to active: job "j" is error'),
    ('cancelled: a=cancelled', 't', null,
        'JS004 illegal transition: task "t" from nothing to pending: job "j" is cancelled'),
    ('cancelled: a=cancelled', 't', 'completed',
        'JS004 illegal transition: task "t" from nothing to completed: job "j" is cancelled'),
    -- Steps of other attempts are not there.
    ('active@1: a=active', 'part', 'error', 'active@1: a=active[part=error]'),
    ('active:', 't', null, 'JS002 unknown step: job "j" has no step "a"')
) cases(job, task, status, outcome);
select is(pg_temp.play('active@1: a=active', $$report_task('w', 'j', 'extract', 'part')$$),
    'JS002 unknown step: job "j" has no step "extract"', 'a step of the attempt before is unknown');

-- Details and stack.
select pg_temp.given('active: a=active b=active') \g /dev/null
set session authorization writer;
select is(concat_ws(' ', r.step_position, r.position, r.attempt, r.name, r.status, r.status_details, r.error_details,
        quote_nullable(r.error_stack), r.id ~ '^task-[0-9a-f-]{36}$'), '1 0 0 t pending {} {} NULL t',
    'a new task, without anything') from jobstatus.report_task('w', 'j', 'b', 't') r;
select is(concat_ws(' ', r.position, r.status_details, r.error_details, r.error_stack),
    '1 {"x": 1} {"e": 1} at main', 'a new task, with everything')
    from jobstatus.report_task('w', 'j', 'b', 'u', null, '{"x": 1}', '{"e": 1}', 'at main') r;
reset session authorization;
select is(concat_ws(' ', status, status_details, error_details), 'active {"x": 1} {}',
    'its status details are the job''s, too, its errors are not')
    from jobstatus.jobs where workspace = 'w' and name = 'j';
select is(concat_ws(' ', status_details, error_details), '{} {}', 'its step has nothing of it')
    from jobstatus.steps where workspace = 'w' and job_id = 'id of j' and name = 'b';

set session authorization writer;
select is(concat_ws(' ', r.status_details, r.error_details, quote_nullable(r.error_stack)), outcome, what)
from (values
    ('{"y":2}', null, null, '{"x": 1, "y": 2} {"e": 1} ''at main''', 'other keys stay'),
    ('{"x":3}', '{"f":2}', 'at other', '{"x": 3, "y": 2} {"f":2} ''at other''', 'errors and stack are replaced'),
    ('{}', '{}', '', '{"x": 3, "y": 2} {"f":2} ''at other''', 'empty ones leave what is there'),
    (null, null, ' ', '{"x": 3, "y": 2} {"f":2} '' ''', 'a blank is a stack'),
    (null, null, repeat('x', 100000), '{"x": 3, "y": 2} {"f":2} ''' || repeat('x', 100000) || '''',
        'a stack may be long')
) cases(details, errors, stack, outcome, what),
    jobstatus.report_task('w', 'j', 'b', 'u', null, details::json, errors::json, stack) r;
select jobstatus.report_task('w', 'j', 'a', 'x', null, '{"y":4,"z":5}') \g /dev/null
reset session authorization;
select is(status_details::text, '{"x": 3, "y": 4, "z": 5}', 'the job has the last of each key, whatever task it is of')
    from jobstatus.jobs where workspace = 'w' and name = 'j';

-- The job gets what a task says, even if the task has said it before.
set session authorization writer;
select is(r.status_details::text, '{"x": 3, "y": 2}', 'a task that says the same again does not change')
    from jobstatus.report_task('w', 'j', 'b', 'u', null, '{"y":2}') r;
reset session authorization;
select is(status_details::text, '{"x": 3, "y": 2, "z": 5}', 'but its job does')
    from jobstatus.jobs where workspace = 'w' and name = 'j';

-- A refused report leaves nothing, and details may come after the end.
select throws_ok($$ select jobstatus.report_task('w', 'j', 'b', 'u', 'created', '{"bad":1}') $$, 'JS004',
    'illegal transition: task "u" from pending to created', 'an illegal transition');
select is(status_details::text, '{"x": 3, "y": 2, "z": 5}', 'refuses the details as well')
    from jobstatus.jobs where workspace = 'w' and name = 'j';
update jobstatus.jobs set status = 'completed' where workspace = 'w' and name = 'j';
set session authorization writer;
select is(concat_ws(' ', r.status, r.status_details, r.error_details, r.error_stack),
    'pending {"x": 3, "y": 2, "late": 1} {"late":1} late', 'a task may have details after the end')
    from jobstatus.report_task('w', 'j', 'b', 'u', 'pending', '{"late":1}', '{"late":1}', 'late') r;
reset session authorization;
select is(concat_ws(' ', status, status_details), 'completed {"x": 3, "y": 2, "z": 5, "late": 1}',
    'and so may its job') from jobstatus.jobs where workspace = 'w' and name = 'j';

select * from finish();
rollback;
