-- pause_job and resume_job.
\ir cases.psql
begin;
select plan(50);

select is(pg_temp.play(job, 'pause_job(''w'', ''j'')'), outcome, 'pause ' || job)
from (values
    -- The newest step that is under way, or else the first that has not begun.
    ('created: a=created b=created', 'pausing: a=pausing b=created'),
    ('created: 3:a=created 7:b=created', 'pausing: 3:a=pausing 7:b=created'),
    ('pending: a=pending b=created', 'pausing: a=pausing b=created'),
    ('active: a=active', 'pausing: a=pausing'),
    ('active: a=active[t=active]', 'pausing: a=pausing[t=active]'),
    ('active: a=active b=pending c=created', 'pausing: a=active b=pausing c=created'),
    ('active: a=active b=completed c+=active', 'pausing: a=active b=completed c+=pausing'),
    ('active: a=completed b=created c=created', 'pausing: a=completed b=pausing c=created'),
    ('active: a=active b=cancelled c=error', 'pausing: a=pausing b=cancelled c=error'),
    ('created: a=created b=pending', 'pausing: a=created b=pausing'),
    ('active@1: extract=active', 'pausing@1: extract=pausing'),
    ('created@1: extract=created', 'pausing@1: extract=pausing'),
    ('pausing: a=pausing', 'unchanged'),
    ('pausing: a=pausing b=created', 'unchanged'),
    ('pausing: a=pausing b=active', 'pausing: a=pausing b=pausing'),
    -- What could not pause.
    ('created:', 'JS004 illegal transition: job "j" from created to pausing: it has no step that could pause'),
    ('active:', 'JS004 illegal transition: job "j" from active to pausing: it has no step that could pause'),
    ('active: a=completed',
        'JS004 illegal transition: job "j" from active to pausing: it has no step that could pause'),
    ('active: a=paused', 'JS004 illegal transition: step "a" from paused to pausing'),
    ('active: a=active b=cancelling', 'JS004 illegal transition: step "b" from cancelling to pausing'),
    ('active: a=resuming', 'JS004 illegal transition: step "a" from resuming to pausing'),
    ('paused: a=paused', 'JS004 illegal transition: job "j" from paused to pausing'),
    ('resuming: a=active', 'JS004 illegal transition: job "j" from resuming to pausing'),
    ('cancelling: a=active', 'JS004 illegal transition: job "j" from cancelling to pausing'),
    ('completed: a=completed', 'JS004 illegal transition: job "j" from completed to pausing'),
    ('error: a=error b=active', 'JS004 illegal transition: job "j" from error to pausing'),
    ('cancelled:', 'JS004 illegal transition: job "j" from cancelled to pausing')
) cases(job, outcome);

select is(pg_temp.play(job, 'resume_job(''w'', ''j'')'), outcome, 'resume ' || job)
from (values
    -- The newest paused step, if there is one.
    ('paused: a=paused', 'resuming: a=resuming'),
    ('paused: a=paused b=created', 'resuming: a=resuming b=created'),
    ('paused: a=paused b=paused c=completed', 'resuming: a=paused b=resuming c=completed'),
    ('paused: a=paused b+=active', 'resuming: a=resuming b+=active'),
    ('paused: a=paused[t=paused]', 'resuming: a=resuming[t=paused]'),
    ('paused: a=active', 'resuming: a=active'),
    ('paused: a=completed b=created', 'resuming: a=completed b=created'),
    ('paused:', 'resuming:'),
    ('paused@1: extract=paused', 'resuming@1: extract=resuming'),
    ('resuming: a=resuming', 'unchanged'),
    ('resuming: a=paused b=resuming', 'unchanged'),
    ('resuming:', 'unchanged'),
    -- What is not paused.
    ('created: a=created', 'JS004 illegal transition: job "j" from created to resuming'),
    ('pending: a=pending', 'JS004 illegal transition: job "j" from pending to resuming'),
    ('active: a=paused', 'JS004 illegal transition: job "j" from active to resuming'),
    ('pausing: a=pausing', 'JS004 illegal transition: job "j" from pausing to resuming'),
    ('cancelling: a=cancelling', 'JS004 illegal transition: job "j" from cancelling to resuming'),
    ('completed: a=completed', 'JS004 illegal transition: job "j" from completed to resuming'),
    ('error: a=error', 'JS004 illegal transition: job "j" from error to resuming'),
    ('cancelled: a=cancelled', 'JS004 illegal transition: job "j" from cancelled to resuming')
) cases(job, outcome);

-- Details stay, and the step goes along the whole way.
select pg_temp.given('active: a=active') \g /dev/null
update jobstatus.jobs set status_details = '{"a" :1}', error_details = '{"e" :1}' where workspace = 'w' and name = 'j';
set session authorization writer;
select is(concat_ws(' ', r.id, r.status, r.status_details, r.error_details), 'id of j pausing {"a" :1} {"e" :1}',
    'details stay as they are in a pause') from jobstatus.pause_job('w', 'j') r;
select jobstatus.report_step('w', 'j', 'a', 'paused') \g /dev/null
select is(concat_ws(' ', r.id, r.status, r.status_details, r.error_details), 'id of j resuming {"a" :1} {"e" :1}',
    'and after it') from jobstatus.resume_job('w', 'j') r;
select jobstatus.report_step('w', 'j', 'a', 'active') \g /dev/null
reset session authorization;
select is(pg_temp.line(), 'active: a=active', 'active, pausing, paused, resuming, active');

select * from finish();
rollback;
