-- jobstatus in front of a NeMo Platform: its tables, as the relations that the program reads.
--
--     psql -d DATABASE -f sql/nemo-platform.sql
--
-- In the platform's own database, as a superuser or as the owner of its tables with the right to create schemas and
-- roles. It makes the schema jobstatus_nemo with three views, an empty table for who may read them with --authorize, and
-- the group role jobstatus_nemo_reader, which may select from these and from nothing else, all in one transaction, and
-- changes nothing of the platform. Again it is harmless.
-- nemo-platform-remove.sql takes it all away: do that before an upgrade of the platform, whose migrations could not
-- change the columns that a view reads, and install it again after.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
-- Views need no lock that a reader or writer of the table waits for; never wait long for a migration either.
set local lock_timeout = '10s';
select pg_advisory_xact_lock(hashtext('jobstatus_nemo')) \g /dev/null

-- What differs from the columns that the views need, all of it at once.
do $$
declare
    differences text;
begin
    if to_regclass('public.entities') is null then
        raise exception 'this is not the database of a NeMo Platform: there is no table public.entities';
    end if;
    select string_agg(format(e'\n  %s is %s, not %s', name, coalesce(actual, 'missing'), wanted), '' order by place)
    into differences
    from (
        select w.name, w.wanted, w.place, (
            select format_type(a.atttypid, null) from pg_attribute a
            where a.attrelid = to_regclass('public.entities') and a.attname = w.name
                and a.attnum > 0 and not a.attisdropped
        ) as actual
        from unnest(
            array['id', 'workspace', 'entity_type', 'name', 'parent', 'data', 'created_at', 'updated_at'],
            array['character varying', 'character varying', 'character varying', 'character varying',
                'character varying', 'json', 'timestamp without time zone', 'timestamp without time zone']
        ) with ordinality as w (name, wanted, place)
    ) as columns
    where actual is distinct from wanted;
    if differences is not null then
        raise exception 'columns of public.entities are not what this version of jobstatus knows:%', differences;
    end if;
end
$$;

do $$
begin
    if not exists (select from pg_roles where rolname = 'jobstatus_nemo_reader') then
        create role jobstatus_nemo_reader nologin;
    end if;
exception when duplicate_object or unique_violation then
    null; -- roles belong to the cluster: another database's installation was faster
end
$$;

create schema if not exists jobstatus_nemo;
comment on schema jobstatus_nemo is 'The jobs of the NeMo Platform, as jobstatus reads them';

-- In the order in which a read locks them: in another one the two would wait for each other.
drop view if exists jobstatus_nemo.jobs, jobstatus_nemo.tasks, jobstatus_nemo.steps;

-- A job is shown with its current attempt, whose id is in the job's data. PostgreSQL's operators refuse a document with
-- \u0000 or half a surrogate pair in it, wherever it stands, so every \u becomes /u first, and \\u with it \/u, an escape
-- of the slash: neither is part of the key or of an id.
create view jobstatus_nemo.jobs with (security_barrier) as
select
    job.workspace,
    job.name,
    job.id,
    attempt.id as attempt,
    attempt.data,
    null::bigint as revision,
    job.created_at at time zone interval '0' as created_at,
    job.updated_at at time zone interval '0' as updated_at
from public.entities as job
join public.entities as attempt
    on attempt.id = case
        when strpos(job.data::text, '\u') = 0 then job.data ->> 'current_attempt_id'
        else replace(job.data::text, '\u', '/u')::json ->> 'current_attempt_id'
    end
    and attempt.parent = job.id
where job.entity_type = 'platform_job'
    and job.parent is null
    and attempt.entity_type = 'platform_job_attempt';

-- Steps stand in the order of their creation; their ids make a place of each that no other has. offset 0 keeps the way
-- from attempt to steps to tasks, each by its parent, whatever the planner knows of the table: before the first ANALYZE
-- it would begin with all tasks of the workspace, and after it look the attempt up for each step.
create view jobstatus_nemo.steps with (security_barrier) as
select
    step.workspace,
    attempt.parent as job_id,
    attempt.id as attempt,
    step.position,
    step.id,
    step.name,
    step.data,
    step.created_at,
    step.updated_at
from public.entities as attempt
cross join lateral (
    select
        step.workspace,
        (to_char(step.created_at, 'YYYYMMDDHH24MISSUS') || step.id) collate "C" as position,
        step.id,
        step.name,
        step.data,
        step.created_at at time zone interval '0' as created_at,
        step.updated_at at time zone interval '0' as updated_at
    from public.entities as step
    where step.parent = attempt.id
        and step.entity_type = 'platform_job_step'
    offset 0
) as step
where attempt.entity_type = 'platform_job_attempt';

create view jobstatus_nemo.tasks with (security_barrier) as
select
    task.workspace,
    step.job_id,
    step.attempt,
    step.position as step_position,
    task.created_at as position,
    task.id,
    task.name,
    task.data,
    task.created_at at time zone interval '0' as created_at,
    task.updated_at at time zone interval '0' as updated_at
from jobstatus_nemo.steps as step
cross join lateral (
    select task.workspace, task.id, task.name, task.data, task.created_at, task.updated_at
    from public.entities as task
    where task.parent = step.id
        and task.entity_type = 'platform_job_task'
    offset 0
) as task;

comment on view jobstatus_nemo.jobs is 'Jobs; data is the current attempt''s';
comment on view jobstatus_nemo.steps is 'Steps of all attempts';
comment on view jobstatus_nemo.tasks is 'Tasks of all steps';

create table if not exists jobstatus_nemo.readers (
    workspace text not null,
    principal text not null,
    constraint readers_pkey primary key (workspace, principal)
);
comment on table jobstatus_nemo.readers is 'Which principal may read the jobs of which workspace, where jobstatus.fcgi '
    'runs with --authorize';

revoke all on schema jobstatus_nemo from public;
revoke all on all tables in schema jobstatus_nemo from public, jobstatus_nemo_reader;
grant usage on schema jobstatus_nemo to jobstatus_nemo_reader;
grant select on jobstatus_nemo.jobs, jobstatus_nemo.steps, jobstatus_nemo.tasks, jobstatus_nemo.readers
    to jobstatus_nemo_reader;

commit;
