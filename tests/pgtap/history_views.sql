-- step_times, resting and status_counts: what has been, and for how long.
\ir cases.psql
begin;
select plan(17);

-- A job of 2020-01-01: what got which status at which minute, beside the status that it has.
create function pg_temp.at(minute integer) returns timestamptz
    language sql immutable as $$ select timestamptz '2020-01-01 00:00:00Z' + minute * interval '1 minute' $$;
insert into jobstatus.jobs (workspace, name, id, attempt, status, created_at, updated_at)
    values ('w', 'j', 'id of j', 1, 'active', pg_temp.at(0), pg_temp.at(50)),
        ('w', 'fresh', 'id of fresh', 0, 'created', pg_temp.at(0), pg_temp.at(3)),
        ('v', 'ended', 'id of ended', 0, 'error', pg_temp.at(0), pg_temp.at(3));
insert into jobstatus.steps (workspace, job_id, attempt, position, id, name, status, created_at, updated_at)
    select 'w', 'id of j', attempt, position, 's', name, status, pg_temp.at(0), pg_temp.at(updated)
    from (values
        (0, 0, 'old', 'error', 99), (1, 0, 'done', 'completed', 20), (1, 1, 'paused meanwhile', 'completed', 60),
        (1, 2, 'running', 'active', 30), (1, 3, 'waiting', 'pending', 2), (1, 4, 'never ran', 'cancelled', 40),
        (1, 5, 'older than the history', 'active', 1)) steps(attempt, position, name, status, updated);
insert into jobstatus.tasks (workspace, job_id, attempt, step_position, position, id, name, status,
    created_at, updated_at)
    values ('w', 'id of j', 1, 2, 0, 't', 't', 'active', pg_temp.at(0), pg_temp.at(70)),
        ('w', 'id of j', 0, 0, 0, 't', 't', 'active', pg_temp.at(0), pg_temp.at(99));
delete from jobstatus.transitions;
insert into jobstatus.transitions (workspace, job_id, attempt, step_position, task_position, new_status,
    changed_at, changed_by)
    select 'w', 'id of j', attempt, step, task, status, pg_temp.at(minute), 'somebody'
    from (values
        (0, 0, null, 'active', 1), (0, 0, null, 'error', 9),
        (1, 0, null, 'created', 0), (1, 0, null, 'pending', 4), (1, 0, null, 'active', 5),
            (1, 0, null, 'completed', 20),
        (1, 1, null, 'active', 20), (1, 1, null, 'pausing', 25), (1, 1, null, 'paused', 26),
            (1, 1, null, 'resuming', 55),
        (1, 1, null, 'active', 56), (1, 1, null, 'completed', 60),
        (1, 2, null, 'active', 30), (1, 2, 0, 'active', 2), (1, 2, 0, 'completed', 3),
        (1, 3, null, 'pending', 2),
        (1, 4, null, 'created', 0), (1, 4, null, 'cancelled', 40),
        (1, null::integer, null::integer, 'active', 5)
    ) past(attempt, step, task, status, minute);

select is(concat_ws(' ', t.workspace, t.job, t.job_id, t.attempt, t.position, t.status, t.created_at = pg_temp.at(0)),
    'w j id of j 1 0 completed t', 'a step is named with its job') from jobstatus.step_times t where step = 'done';
-- Minutes; what goes on still is compared with the statement's own time.
select is(format('%s %s waited %s ran %s', extract(epoch from t.started_at - pg_temp.at(0))::integer / 60,
        extract(epoch from t.ended_at - pg_temp.at(0))::integer / 60,
        case t.waited when statement_timestamp() - t.created_at then 'so far'
            else extract(epoch from t.waited)::integer / 60 || '' end,
        case t.ran when statement_timestamp() - t.started_at then 'so far'
            else extract(epoch from t.ran)::integer / 60 || '' end),
    outcome, c.step)
from (values
    ('done', '5 20 waited 5 ran 15'),
    ('paused meanwhile', '20 60 waited 20 ran 40'),
    ('running', '30  waited 30 ran so far'),
    ('waiting', '  waited so far ran '),
    ('never ran', ' 40 waited 40 ran '),
    ('older than the history', '  waited  ran '),
    ('old', '1 9 waited 1 ran 8')
) c(step, outcome) left join jobstatus.step_times t on t.step = c.step;
select is(count(*), 7::bigint, 'there is no other step') from jobstatus.step_times;

-- Whichever of job, steps and tasks changed last, those of other attempts left out.
select results_eq($$
    select workspace, job, job_id, status, since, rested = statement_timestamp() - since
        from jobstatus.resting order by job
    $$, $$ values ('w', 'fresh', 'id of fresh', 'created', pg_temp.at(3), true),
        ('w', 'j', 'id of j', 'active', pg_temp.at(70), true)
    $$, 'jobs that have not ended, and since when nothing has changed');
update jobstatus.tasks set updated_at = pg_temp.at(2) where attempt = 1;
select is(since, pg_temp.at(60), 'a step may be the last to change') from jobstatus.resting where job = 'j';
update jobstatus.steps set updated_at = pg_temp.at(2) where attempt = 1;
update jobstatus.jobs set updated_at = pg_temp.at(51) where name = 'j';
select is(since, pg_temp.at(51), 'or the job itself') from jobstatus.resting where job = 'j';
select jobstatus.report_task('w', 'j', 'running', 't', null, null, null, 'new') \g /dev/null
select cmp_ok(since, '>=', now(), 'a report of a task counts') from jobstatus.resting where job = 'j';
select is((select count(*) from jobstatus.resting where rested > interval '1 hour'), 1::bigint,
    'the other one has not changed for an hour');

select results_eq('select workspace, status, jobs from jobstatus.status_counts order by 1, 2', $$ values
    ('v', 'error', 1::bigint), ('w', 'active', 1), ('w', 'created', 1) $$, 'counts by workspace and status');
insert into jobstatus.jobs (workspace, name, id, status)
    select 'w', 'n' || n, 'id' || n, 'active' from generate_series(1, 9) n;
select is(jobs, 10::bigint, 'ten of one status')
    from jobstatus.status_counts where workspace = 'w' and status = 'active';
delete from jobstatus.jobs;
select is_empty('select from jobstatus.status_counts', 'no job, no count');

select * from finish();
rollback;
