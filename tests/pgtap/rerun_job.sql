-- rerun_job: another attempt of a job that has ended.
\ir cases.psql
begin;
select plan(25);

select is(pg_temp.play(job, 'rerun_job(''w'', ''j'')'), outcome, job)
from (values
    ('completed: a=completed b=completed', 'created@1: a=created b=created'),
    ('error: a=completed b=error c=cancelled', 'created@1: a=created b=created c=created'),
    ('cancelled:', 'created@1:'),
    ('error: a=error b=active', 'created@1: a=created b=created'),
    ('completed: a=completed[t=completed u=error]', 'created@1: a=created'),
    ('completed: 3:a=completed 7:b=completed', 'created@1: 3:a=created 7:b=created'),
    ('completed: a=completed b+=completed', 'created@1: a=created b+=created'),
    ('completed@1: load=completed', 'created@2: load=created'),
    ('created: a=created', 'JS004 illegal transition: job "j" from created to created: it has not ended'),
    ('pending: a=pending', 'JS004 illegal transition: job "j" from pending to created: it has not ended'),
    ('active: a=active', 'JS004 illegal transition: job "j" from active to created: it has not ended'),
    ('paused: a=paused', 'JS004 illegal transition: job "j" from paused to created: it has not ended'),
    ('pausing: a=pausing', 'JS004 illegal transition: job "j" from pausing to created: it has not ended'),
    ('resuming: a=resuming', 'JS004 illegal transition: job "j" from resuming to created: it has not ended'),
    ('cancelling: a=cancelling', 'JS004 illegal transition: job "j" from cancelling to created: it has not ended')
) cases(job, outcome);

-- What the job keeps, and what it does not.
select pg_temp.given('error: a=completed[t=completed] b=error') \g /dev/null
update jobstatus.jobs set created_at = '2020-01-01Z', status_details = '{"a":1}', error_details = '{"e":1}'
    where workspace = 'w' and name = 'j';
update jobstatus.steps set created_at = '2020-01-01Z', status_details = '{"b":1}', error_details = '{"f":1}'
    where workspace = 'w' and job_id = 'id of j';
create temporary table before as select j.revision, j.updated_at
    from jobstatus.jobs j where workspace = 'w' and name = 'j';
create temporary table ended as
    select s::text as row from jobstatus.steps s where workspace = 'w' and job_id = 'id of j'
    union all select t::text from jobstatus.tasks t where workspace = 'w' and job_id = 'id of j';
create temporary table rerun (like jobstatus.jobs);
grant insert on rerun to writer;
set session authorization writer;
insert into rerun select * from jobstatus.rerun_job('w', 'j');
reset session authorization;
select is(concat_ws(' ', workspace, name, id, attempt, status, status_details, error_details),
    'w j id of j 1 created {} {}',
    'it is the same job without details') from rerun;
select is(created_at, '2020-01-01Z', 'its created_at is kept') from rerun;
select cmp_ok(r.updated_at, '>', b.updated_at, 'its updated_at moves') from rerun r, before b;
select cmp_ok(r.revision, '>', b.revision, 'its revision moves') from rerun r, before b;
select results_eq($$
    select position, name, status, status_details::text, error_details::text, declared, id ~ '^step-[0-9a-f-]{36}$',
        created_at > '2020-01-02Z'
    from jobstatus.steps where workspace = 'w' and job_id = 'id of j' and attempt = 1 order by position $$, $$ values
        (0, 'a', 'created', '{}', '{}', true, true, true), (1, 'b', 'created', '{}', '{}', true, true, true) $$,
    'its steps are there again, new ones, without details');
select is_empty($$ select from jobstatus.tasks where workspace = 'w' and job_id = 'id of j' and attempt = 1 $$,
    'its tasks are not');
select bag_eq($$
    select s::text from jobstatus.steps s where workspace = 'w' and job_id = 'id of j' and attempt = 0
    union all select t::text from jobstatus.tasks t where workspace = 'w' and job_id = 'id of j' $$,
    'select row from ended', 'the attempt that has ended stays as it was');

-- A rerun is reported like the first run.
set session authorization writer;
select jobstatus.report_step('w', 'j', 'a', 'active') \g /dev/null
select jobstatus.report_step('w', 'j', 'a', 'completed') \g /dev/null
select jobstatus.report_step('w', 'j', 'b', 'active') \g /dev/null
reset session authorization;
select is(pg_temp.line(), 'active@1: a=completed b=active', 'the last step of the rerun');
set session authorization writer;
select jobstatus.report_step('w', 'j', 'b', 'completed') \g /dev/null
reset session authorization;
select is(pg_temp.line(), 'completed@1: a=completed b=completed', 'completes it');
set session authorization writer;
select is((jobstatus.rerun_job('w', 'j')).attempt, 2, 'and so on');

select * from finish();
rollback;
