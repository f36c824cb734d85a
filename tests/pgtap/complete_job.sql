-- complete_job: the end of a job whose steps are completed, or that has none.
\ir cases.psql
begin;
select plan(20);

select is(pg_temp.play(job, 'complete_job(''w'', ''j'')'), outcome, job)
from (values
    ('pending:', 'completed:'),
    ('active:', 'completed:'),
    ('active: a=completed b+=completed', 'completed: a=completed b+=completed'),
    ('active: a+=completed[t=active u=error]', 'completed: a+=completed[t=active u=error]'),
    ('pending: a=completed', 'completed: a=completed'),
    ('active@1: extract=completed', 'completed@1: extract=completed'),
    ('completed:', 'unchanged'),
    ('completed: a=completed', 'unchanged'),
    -- A step that is not completed.
    ('active: a=active', 'JS004 illegal transition: job "j" from active to completed: step "a" is active'),
    ('active: a=completed b=created',
        'JS004 illegal transition: job "j" from active to completed: step "b" is created'),
    ('pending: a=completed b+=error', 'JS004 illegal transition: job "j" from pending to completed: step "b" is error'),
    ('active: a=completed b=cancelled c=paused',
        'JS004 illegal transition: job "j" from active to completed: step "b" is cancelled'),
    -- What the table does not have.
    ('created:', 'JS004 illegal transition: job "j" from created to completed'),
    ('paused:', 'JS004 illegal transition: job "j" from paused to completed'),
    ('pausing: a=completed', 'JS004 illegal transition: job "j" from pausing to completed'),
    ('resuming: a=completed', 'JS004 illegal transition: job "j" from resuming to completed'),
    ('cancelling: a=completed', 'JS004 illegal transition: job "j" from cancelling to completed'),
    ('error:', 'JS004 illegal transition: job "j" from error to completed'),
    ('cancelled: a=completed', 'JS004 illegal transition: job "j" from cancelled to completed')
) cases(job, outcome);

-- Details stay.
select pg_temp.given('active: a=completed') \g /dev/null
update jobstatus.jobs set status_details = '{"a" :1}', error_details = '{"e" :1}' where workspace = 'w' and name = 'j';
set session authorization writer;
select is(concat_ws(' ', r.id, r.status, r.status_details, r.error_details), 'id of j completed {"a" :1} {"e" :1}',
    'details stay as they are') from jobstatus.complete_job('w', 'j') r;

select * from finish();
rollback;
