-- delete_job: a job goes, and all that belongs to it.
\ir cases.psql
begin;
select plan(19);

select is(pg_temp.play(status || ': a=completed[t=completed u=error] b+=active[t=active]',
    'delete_job(''w'', ''j'')'), 'gone',
        status || ' or not')
    from unnest('{created,pending,active,cancelled,cancelling,error,completed,paused,pausing,resuming}'::text[]) status;
select is(pg_temp.play('created:', 'delete_job(''w'', ''j'')'), 'gone', 'without steps');

select pg_temp.given('active@1: extract=active[part=active]') \g /dev/null
update jobstatus.jobs set status_details = '{"a" :"\u0000"}', error_details = '{"e" :1}'
    where workspace = 'w' and name = 'j';
create temporary table expected as select * from jobstatus.jobs where workspace = 'w' and name = 'j';
grant select on expected to writer;
set session authorization writer;
select is(jobstatus.delete_job('w', 'j')::text, expected::text, 'it returns the job as it was') from expected;
select throws_ok($$ select jobstatus.delete_job('w', 'j') $$, 'JS001', 'unknown job: workspace "w" has no job "j"',
    'once deleted, it is unknown');
reset session authorization;
select is_empty(format('select from jobstatus.%I where workspace = ''w'' and job_id = ''id of j''', name),
    name || ' go along, those of other attempts, too') from unnest('{steps,tasks,transitions}'::text[]) name;
select is(count(*), 2::bigint, 'other jobs stay') from jobstatus.jobs;
select is(count(*), 2::bigint, 'and so do their steps') from jobstatus.steps;
select is(count(*), 2::bigint, 'and their tasks') from jobstatus.tasks;

select * from finish();
rollback;
