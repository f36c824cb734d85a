-- delete_ended_jobs: jobs that ended long ago go, batch by batch.
\ir cases.psql
begin;
select plan(31);

-- Jobs with a history: a status, and how many days ago.
create function pg_temp.past(name text, status text, history text) returns void
    language plpgsql as $$
begin
    insert into jobstatus.jobs (workspace, name, id, status)
        values ('w', past.name, 'id of ' || past.name, past.status);
    insert into jobstatus.steps (workspace, job_id, position, id, name, status)
        values ('w', 'id of ' || past.name, 0, 's', 's', past.status);
    insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)
        values ('w', 'id of ' || past.name, 0, 0, 't', 't', past.status);
    delete from jobstatus.transitions t where t.job_id = 'id of ' || past.name and t.step_position is null;
    insert into jobstatus.transitions (workspace, job_id, attempt, new_status, changed_at, changed_by)
        select 'w', 'id of ' || past.name, 0, h[1], clock_timestamp() - h[2]::integer * interval '1 day', 'somebody'
        from regexp_matches(history, '([a-z]+) (\d+)', 'g') with ordinality m(h, n) order by n;
end
$$;
create function pg_temp.names() returns text
    language sql as $$ select coalesce(string_agg(name, ' ' order by name), 'none') from jobstatus.jobs $$;
select pg_temp.past(name, status, history) from (values
    ('a-completed', 'completed', 'created 90, active 80, completed 40'),
    ('b-error', 'error', 'created 90, error 30'),
    ('c-cancelled', 'cancelled', 'cancelled 35'),
    ('d-lately', 'completed', 'created 90, completed 2'),
    ('e-active', 'active', 'created 90, active 80'),
    ('f-rerun', 'active', 'created 90, error 80, created 70, active 60'),
    ('g-rerun-lately', 'completed', 'created 90, error 80, created 3, completed 1'),
    ('h-rerun-long-ago', 'completed', 'created 90, error 80, created 70, completed 20'),
    ('i-paused', 'paused', 'created 90, paused 80')
) past(name, status, history) \g /dev/null
set role jobstatus_owner;

-- Arguments.
select throws_ok(format('select jobstatus.delete_ended_jobs(%s)', arguments), 'JS005',
    'invalid argument ' || message, arguments)
from (values
    ('null', 'older_than: NULL is no length of time'),
    ('interval ''-1 second''', 'older_than: "-00:00:01" is no length of time'),
    ('interval ''1 day'', null', 'batch: NULL is not 1 or more'),
    ('interval ''1 day'', 0', 'batch: "0" is not 1 or more'),
    ('interval ''1 day'', -1', 'batch: "-1" is not 1 or more')
) cases(arguments, message);
select is(jobstatus.delete_ended_jobs(older_than), 0, older_than || ': nothing is older')
    from unnest('{100 years,100000 years,178000000 years,41 days}'::interval[]) older_than;

-- In bounded batches, what ended first goes first.
select is(jobstatus.delete_ended_jobs('15 days', 1), 1, 'a batch of one');
select is(pg_temp.names(), 'b-error c-cancelled d-lately e-active f-rerun g-rerun-lately h-rerun-long-ago i-paused',
    'took the one that ended first');
select is(jobstatus.delete_ended_jobs(older_than => '33 days', batch => 10), 1, 'by the names of the arguments');
select is(pg_temp.names(), 'b-error d-lately e-active f-rerun g-rerun-lately h-rerun-long-ago i-paused',
    'it took what was older than that alone');
select is(jobstatus.delete_ended_jobs('15 days', 1), 1, 'another batch of one');
select is(pg_temp.names(), 'd-lately e-active f-rerun g-rerun-lately h-rerun-long-ago i-paused',
    'took the next: the end that counts is the last');
select is(jobstatus.delete_ended_jobs('15 days', 2), 1, 'a batch that is not full');
select is(pg_temp.names(), 'd-lately e-active f-rerun g-rerun-lately i-paused',
    'what was run again, or has not ended, stays');
select is(jobstatus.delete_ended_jobs('15 days'), 0, 'then there is none');
select is(jobstatus.delete_ended_jobs('0'), 2, 'any that has ended');
select is(pg_temp.names(), 'e-active f-rerun i-paused', 'goes with an interval of nothing');
select results_eq(format('select distinct job_id from jobstatus.%I order by 1', name),
        $$ values ('id of e-active'), ('id of f-rerun'), ('id of i-paused') $$, 'and so do its ' || name)
    from unnest('{steps,tasks,transitions}'::text[]) name;

-- A thousand at once, unless told otherwise.
insert into jobstatus.jobs (workspace, name, id, status)
    select 'w', 'n' || n, 'n' || n, 'error' from generate_series(1, 1001) n;
select is(jobstatus.delete_ended_jobs('0'), 1000, 'a thousand');
select is(jobstatus.delete_ended_jobs('0'), 1, 'and the one that was left');

-- By functions, from the first to the last.
reset role;
select pg_temp.given('active: a=active') \g /dev/null
set session authorization writer;
select jobstatus.report_step('w', 'j', 'a', 'completed') \g /dev/null
reset session authorization;
set role jobstatus_owner;
select is(jobstatus.delete_ended_jobs('1 minute'), 0, 'it has just ended');
select is(jobstatus.delete_ended_jobs('0'), 1, 'it has ended');
select is((select count(*) from jobstatus.jobs), 2::bigint, 'other jobs stay');
reset role;
select pg_temp.given('error: a=error') \g /dev/null
set session authorization writer;
select jobstatus.rerun_job('w', 'j') \g /dev/null
reset session authorization;
set role jobstatus_owner;
select is(jobstatus.delete_ended_jobs('0'), 0, 'it was run again');
update jobstatus.jobs set status = 'cancelled' where workspace = 'w' and name = 'j';
select is(jobstatus.delete_ended_jobs('0'), 1, 'ended by plain SQL');
reset role;
set session authorization writer;
select throws_ok($$ select jobstatus.delete_ended_jobs('1 day') $$, '42501',
    'permission denied for function delete_ended_jobs', 'who reports may not');

select * from finish();
rollback;
