-- cancel_job: at once, or through the step that is under way.
\ir cases.psql
begin;
select plan(38);

select is(pg_temp.play(job, 'cancel_job(''w'', ''j'')'), outcome, job)
from (values
    -- Nothing has begun.
    ('created:', 'cancelled:'),
    ('created: a=created', 'cancelled: a=cancelled'),
    ('created: a=created b=created c+=created', 'cancelled: a=cancelled b=cancelled c+=cancelled'),
    ('created: a=created[t=active]', 'cancelled: a=cancelled[t=active]'),
    ('pending:', 'cancelled:'),
    ('active:', 'cancelled:'),
    -- A step is under way: the newest.
    ('pending: a=pending b=created', 'cancelling: a=cancelling b=created'),
    ('active: a=active b=created', 'cancelling: a=cancelling b=created'),
    ('active: a=active[t=active u=pending]', 'cancelling: a=cancelling[t=active u=pending]'),
    ('active: a=completed b=active c=created', 'cancelling: a=completed b=cancelling c=created'),
    ('active: a=active b=pending c=completed', 'cancelling: a=active b=cancelling c=completed'),
    ('active: a=active b=created c+=active', 'cancelling: a=active b=created c+=cancelling'),
    ('active: a=active b=cancelled c=error', 'cancelling: a=cancelling b=cancelled c=error'),
    ('created: a=created b=pending', 'cancelling: a=created b=cancelling'),
    ('paused: a=paused b=created', 'cancelling: a=cancelling b=created'),
    ('resuming: a=resuming', 'cancelling: a=cancelling'),
    ('active@1: extract=active', 'cancelling@1: extract=cancelling'),
    ('created@1: extract=created', 'cancelled@1: extract=cancelled'),
    -- It is being cancelled already.
    ('cancelling: a=cancelling', 'unchanged'),
    ('cancelling: a=completed b=cancelling c=created', 'unchanged'),
    ('cancelling: a=cancelling b=active', 'cancelling: a=cancelling b=cancelling'),
    -- Nothing is under way, though something was.
    ('active: a=completed b=created', 'cancelled: a=completed b=cancelled'),
    ('active: a=completed b=completed', 'cancelled: a=completed b=completed'),
    ('pending: a=completed b=created c+=completed', 'cancelled: a=completed b=cancelled c+=completed'),
    ('cancelling: a=completed b=created', 'cancelled: a=completed b=cancelled'),
    ('paused: a=completed b=created', 'JS004 illegal transition: job "j" from paused to cancelled'),
    ('pausing: a=completed', 'JS004 illegal transition: job "j" from pausing to cancelled'),
    -- What pauses has to do so first, the job and the step.
    ('pausing: a=pausing', 'JS004 illegal transition: step "a" from pausing to cancelling'),
    ('active: a=active b=pausing', 'JS004 illegal transition: step "b" from pausing to cancelling'),
    ('pausing: a=pausing b=active', 'JS004 illegal transition: job "j" from pausing to cancelling'),
    -- It has ended.
    ('cancelled:', 'unchanged'),
    ('cancelled: a=cancelled b=active', 'unchanged'),
    ('completed:', 'JS004 illegal transition: job "j" from completed to cancelled'),
    ('completed: a=completed', 'JS004 illegal transition: job "j" from completed to cancelled'),
    ('error: a=error', 'JS004 illegal transition: job "j" from error to cancelled'),
    ('error: a=error b=active', 'JS004 illegal transition: job "j" from error to cancelled')
) cases(job, outcome);

-- Details stay, and the step finishes what was begun.
select pg_temp.given('active: a=active b=created') \g /dev/null
update jobstatus.jobs set status_details = '{"a" :1}', error_details = '{"e" :1}' where workspace = 'w' and name = 'j';
set session authorization writer;
select is(concat_ws(' ', r.id, r.status, r.status_details, r.error_details), 'id of j cancelling {"a" :1} {"e" :1}',
    'details stay as they are') from jobstatus.cancel_job('w', 'j') r;
select jobstatus.report_step('w', 'j', 'a', 'cancelled') \g /dev/null
reset session authorization;
select is(pg_temp.line(), 'cancelled: a=cancelled b=cancelled', 'then the step is cancelled, and the job with it');

select * from finish();
rollback;
