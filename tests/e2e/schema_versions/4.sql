-- jobstatus: the schema that holds jobs, steps and tasks.
--
--     psql -f sql/schema.sql
--
-- Installs into an empty database, upgrades any earlier version and leaves the current one alone, all in
-- one transaction. Over a later version it refuses. Every key leads with workspace, so that the tables can
-- be distributed by it.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local client_min_messages = warning;
-- One installation at a time.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('jobstatus.schema')) \g /dev/null

create schema if not exists jobstatus;
create table if not exists jobstatus.schema_version (
    version integer primary key,
    installed_at timestamptz not null default now()
);

do $$
declare
    installed integer := (select max(version) from jobstatus.schema_version);
begin
    if installed > 4 then
        raise exception 'jobstatus: version % of the schema is installed, and this file has version 4',
            installed using hint = 'Use the schema.sql of the newer release; nothing was changed.';
    end if;
end
$$;

select coalesce(max(version), 0) < 1 as from_0, coalesce(max(version), 0) < 2 as from_1,
        coalesce(max(version), 0) < 3 as from_2, coalesce(max(version), 0) < 4 as from_3
    from jobstatus.schema_version \gset

-- Version 1 ------------------------------------------------------------------------------------------
\if :from_0

-- Bodies are parsed here, so that they hold under any search_path and are still inlined.

-- Whether a text can be a segment of the request's path and be shown: a name of a job, step or task.
create function jobstatus.is_name(name text) returns boolean
    language sql immutable parallel safe
    return name <> '' and name not in ('.', '..') and length(name) <= 255
        and name !~ '[/\u0001-\u001f\u007f-\u009f]';

-- The ten statuses of the contract.
create function jobstatus.is_status(status text) returns boolean
    language sql immutable parallel safe
    return status in ('created', 'pending', 'active', 'cancelled', 'cancelling', 'error',
        'completed', 'paused', 'pausing', 'resuming');

-- Years that RFC 3339 can write.
create function jobstatus.is_time(moment timestamptz) returns boolean
    language sql immutable parallel safe
    return moment >= '0001-01-01 00:00:00+00'::timestamptz
        and moment < '10000-01-01 00:00:00+00'::timestamptz;

create sequence jobstatus.revision_seq;

create table jobstatus.jobs (
    workspace text not null,
    name text not null,
    id text not null,
    attempt integer not null default 0,
    status text not null,
    status_details json not null default '{}',
    error_details json not null default '{}',
    revision bigint not null default nextval('jobstatus.revision_seq'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint jobs_pkey primary key (workspace, id),
    constraint jobs_name_key unique (workspace, name),
    constraint jobs_workspace_check check (jobstatus.is_name(workspace)),
    constraint jobs_name_check check (jobstatus.is_name(name)),
    constraint jobs_id_check check (length(id) between 1 and 255),
    constraint jobs_attempt_check check (attempt >= 0),
    constraint jobs_status_check check (jobstatus.is_status(status)),
    constraint jobs_status_details_check check (json_typeof(status_details) = 'object'),
    constraint jobs_error_details_check check (json_typeof(error_details) = 'object'),
    constraint jobs_created_at_finite check (isfinite(created_at)),
    constraint jobs_created_at_year check (jobstatus.is_time(created_at)),
    constraint jobs_updated_at_finite check (isfinite(updated_at)),
    constraint jobs_updated_at_year check (jobstatus.is_time(updated_at))
);

create table jobstatus.steps (
    workspace text not null,
    job_id text not null,
    attempt integer not null default 0,
    position integer not null,
    id text not null,
    name text not null,
    status text not null,
    status_details json not null default '{}',
    error_details json not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint steps_pkey primary key (workspace, job_id, attempt, position),
    constraint steps_name_key unique (workspace, job_id, attempt, name),
    constraint steps_job_fkey foreign key (workspace, job_id) references jobstatus.jobs
        on delete cascade,
    constraint steps_attempt_check check (attempt >= 0),
    constraint steps_position_check check (position >= 0),
    constraint steps_id_check check (length(id) between 1 and 255),
    constraint steps_name_check check (jobstatus.is_name(name)),
    constraint steps_status_check check (jobstatus.is_status(status)),
    constraint steps_status_details_check check (json_typeof(status_details) = 'object'),
    constraint steps_error_details_check check (json_typeof(error_details) = 'object'),
    constraint steps_created_at_finite check (isfinite(created_at)),
    constraint steps_created_at_year check (jobstatus.is_time(created_at)),
    constraint steps_updated_at_finite check (isfinite(updated_at)),
    constraint steps_updated_at_year check (jobstatus.is_time(updated_at))
);

create table jobstatus.tasks (
    workspace text not null,
    job_id text not null,
    attempt integer not null default 0,
    step_position integer not null,
    position integer not null,
    id text not null,
    name text not null,
    status text not null,
    status_details json not null default '{}',
    error_details json not null default '{}',
    error_stack text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint tasks_pkey primary key (workspace, job_id, attempt, step_position, position),
    constraint tasks_name_key unique (workspace, job_id, attempt, step_position, name),
    constraint tasks_step_fkey foreign key (workspace, job_id, attempt, step_position)
        references jobstatus.steps on delete cascade,
    constraint tasks_position_check check (position >= 0),
    constraint tasks_id_check check (length(id) between 1 and 255),
    constraint tasks_name_check check (jobstatus.is_name(name)),
    constraint tasks_status_check check (jobstatus.is_status(status)),
    constraint tasks_status_details_check check (json_typeof(status_details) = 'object'),
    constraint tasks_error_details_check check (json_typeof(error_details) = 'object'),
    constraint tasks_created_at_finite check (isfinite(created_at)),
    constraint tasks_created_at_year check (jobstatus.is_time(created_at)),
    constraint tasks_updated_at_finite check (isfinite(updated_at)),
    constraint tasks_updated_at_year check (jobstatus.is_time(updated_at))
);

insert into jobstatus.schema_version (version) values (1);
\endif

-- Version 2: reporting and history ---------------------------------------------------------------------
\if :from_1

alter table jobstatus.steps add column declared boolean not null default true;

create sequence jobstatus.transition_seq;

create table jobstatus.transitions (
    workspace text not null,
    job_id text not null,
    id bigint not null default nextval('jobstatus.transition_seq'),
    attempt integer not null,
    step_position integer,
    task_position integer,
    old_status text,
    new_status text not null,
    changed_at timestamptz not null,
    changed_by text not null,
    constraint transitions_pkey primary key (workspace, job_id, id),
    constraint transitions_job_fkey foreign key (workspace, job_id) references jobstatus.jobs
        on delete cascade
);

-- Which jobs ended when, for whoever deletes old ones.
create index transitions_ended on jobstatus.transitions (changed_at)
    where step_position is null and new_status in ('completed', 'error', 'cancelled');

-- Of what was there before it is known what it is, and since when it has not changed.
insert into jobstatus.transitions
    (workspace, job_id, attempt, new_status, changed_at, changed_by)
select workspace, id, attempt, status, updated_at, session_user from jobstatus.jobs
order by updated_at, workspace, id;

insert into jobstatus.schema_version (version) values (2);
\endif

-- Version 3: checks that cost less -----------------------------------------------------------------------
\if :from_2

-- Every statement that writes reads the checks of its table anew: they say the same as before, without functions and
-- in few words.  So do the functions.
create or replace function jobstatus.is_name(name text) returns boolean
    language sql immutable parallel safe
    return length(name) <= 255 and name !~ '^\.{0,2}$|[/\u0001-\u001f\u007f-\u009f]';
create or replace function jobstatus.is_status(status text) returns boolean
    language sql immutable parallel safe
    return status = any ('{created,pending,active,cancelled,cancelling,error,completed,paused,pausing,resuming}'::text[]);
alter table jobstatus.jobs
    drop constraint jobs_workspace_check,
    add constraint jobs_workspace_check check (length(workspace) <= 255
        and workspace !~ '^\.{0,2}$|[/\u0001-\u001f\u007f-\u009f]'),
    drop constraint jobs_name_check,
    add constraint jobs_name_check check (length(name) <= 255
        and name !~ '^\.{0,2}$|[/\u0001-\u001f\u007f-\u009f]'),
    drop constraint jobs_status_check,
    add constraint jobs_status_check check (status = any (
        '{created,pending,active,cancelled,cancelling,error,completed,paused,pausing,resuming}'::text[])),
    drop constraint jobs_created_at_finite,
    drop constraint jobs_created_at_year,
    drop constraint jobs_updated_at_finite,
    drop constraint jobs_updated_at_year,
    add constraint jobs_times_check check (least(created_at, updated_at) >= '0001-01-01 00:00:00+00'
        and greatest(created_at, updated_at) < '10000-01-01 00:00:00+00');
alter table jobstatus.steps
    drop constraint steps_name_check,
    add constraint steps_name_check check (length(name) <= 255
        and name !~ '^\.{0,2}$|[/\u0001-\u001f\u007f-\u009f]'),
    drop constraint steps_status_check,
    add constraint steps_status_check check (status = any (
        '{created,pending,active,cancelled,cancelling,error,completed,paused,pausing,resuming}'::text[])),
    drop constraint steps_created_at_finite,
    drop constraint steps_created_at_year,
    drop constraint steps_updated_at_finite,
    drop constraint steps_updated_at_year,
    add constraint steps_times_check check (least(created_at, updated_at) >= '0001-01-01 00:00:00+00'
        and greatest(created_at, updated_at) < '10000-01-01 00:00:00+00');
alter table jobstatus.tasks
    drop constraint tasks_name_check,
    add constraint tasks_name_check check (length(name) <= 255
        and name !~ '^\.{0,2}$|[/\u0001-\u001f\u007f-\u009f]'),
    drop constraint tasks_status_check,
    add constraint tasks_status_check check (status = any (
        '{created,pending,active,cancelled,cancelling,error,completed,paused,pausing,resuming}'::text[])),
    drop constraint tasks_created_at_finite,
    drop constraint tasks_created_at_year,
    drop constraint tasks_updated_at_finite,
    drop constraint tasks_updated_at_year,
    add constraint tasks_times_check check (least(created_at, updated_at) >= '0001-01-01 00:00:00+00'
        and greatest(created_at, updated_at) < '10000-01-01 00:00:00+00');

insert into jobstatus.schema_version (version) values (3);
\endif

-- Version 4: who may read ----------------------------------------------------------------------------------
\if :from_3

create table jobstatus.readers (
    workspace text not null,
    principal text not null,
    constraint readers_pkey primary key (workspace, principal),
    constraint readers_workspace_check check (length(workspace) <= 255
        and workspace !~ '^\.{0,2}$|[/\u0001-\u001f\u007f-\u009f]'),
    constraint readers_principal_check check (length(principal) between 1 and 255
        and principal !~ '[\u0001-\u001f\u007f-\u009f]')
);

insert into jobstatus.schema_version (version) values (4);
\endif

-- Times and revisions ----------------------------------------------------------------------------------

-- An update that changes a row moves its updated_at, unless it sets it itself. A job's revision is the
-- next one, whatever an insert or update says, so that none returns; the update by which a change below is
-- carried up asks for another revision alone, and moves nothing else. Rows are compared as they are stored:
-- json has no equality, and one is shown as it is written. Names are written out, as these two run at every
-- write: to set a search path costs as much as the rest of them.
create or replace function jobstatus.touch_job() returns trigger
    language plpgsql as $$
declare
    asked boolean;
begin
    if tg_op operator(pg_catalog.=) 'UPDATE' then
        asked := new.revision operator(pg_catalog.<>) old.revision;
        new.revision := old.revision;
        if new.updated_at operator(pg_catalog.=) old.updated_at then
            if new operator(pg_catalog.*<>) old then
                new.updated_at := greatest(pg_catalog.clock_timestamp(),
                    old.updated_at operator(pg_catalog.+) interval '1 microsecond');
            elsif not asked then
                return new;
            end if;
        end if;
    end if;
    new.revision := pg_catalog.nextval('jobstatus.revision_seq');
    return new;
end
$$;

create or replace function jobstatus.touch_below() returns trigger
    language plpgsql as $$
begin
    if new.updated_at operator(pg_catalog.=) old.updated_at and new operator(pg_catalog.*<>) old then
        new.updated_at := greatest(pg_catalog.clock_timestamp(),
            old.updated_at operator(pg_catalog.+) interval '1 microsecond');
    end if;
    return new;
end
$$;

-- Carries changes of steps or tasks up to their jobs' revision: once a job and statement, in key order. A
-- change in an earlier attempt is not visible and carries nothing. The functions that report tasks change the
-- job's row anyway, and say so by jobstatus.carry while they write. The triggers loop over the transition tables,
-- which is what distributed tables ask for, and ask for another revision, which touch_job() then gives.
create or replace function jobstatus.carry_insert() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    changed record;
begin
    for changed in select distinct workspace, job_id, attempt from new_rows order by 1, 2, 3 loop
        update jobstatus.jobs set revision = revision + 1
            where workspace = changed.workspace and id = changed.job_id
            and attempt = changed.attempt;
    end loop;
    return null;
end
$$;

-- A row that stands in both tables is unchanged; json has no equality but that of its text.
create or replace function jobstatus.carry_update() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    changed record;
begin
    for changed in select distinct workspace, job_id, attempt from (
            (select workspace, job_id, attempt, r::text from old_rows r
                except select workspace, job_id, attempt, r::text from new_rows r)
            union all
            (select workspace, job_id, attempt, r::text from new_rows r
                except select workspace, job_id, attempt, r::text from old_rows r)) as differing
            order by 1, 2, 3 loop
        update jobstatus.jobs set revision = revision + 1
            where workspace = changed.workspace and id = changed.job_id
            and attempt = changed.attempt;
    end loop;
    return null;
end
$$;

-- What is deleted takes its updated_at along, so the job's own moves instead, and with it the revision.
create or replace function jobstatus.carry_delete() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    changed record;
    moment timestamptz;
begin
    for changed in select distinct workspace, job_id, attempt from old_rows order by 1, 2, 3 loop
        select updated_at into moment from jobstatus.jobs
            where workspace = changed.workspace and id = changed.job_id
            and attempt = changed.attempt for no key update;
        continue when not found;
        moment := greatest(clock_timestamp(), moment + interval '1 microsecond');
        update jobstatus.jobs set updated_at = moment
            where workspace = changed.workspace and id = changed.job_id
            and attempt = changed.attempt;
    end loop;
    return null;
end
$$;

-- History: what has got a status, or another one. The clock is read into a variable, as distributed tables
-- ask for. Whoever may write a table need not be able to write its history.
create or replace function jobstatus.record_job() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before text := case tg_op when 'UPDATE' then old.status end;
    moment timestamptz := clock_timestamp();
begin
    insert into jobstatus.transitions
        (workspace, job_id, attempt, old_status, new_status, changed_at, changed_by)
    values (new.workspace, new.id, new.attempt, before, new.status, moment, session_user);
    return null;
end
$$;

create or replace function jobstatus.record_step() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before text := case tg_op when 'UPDATE' then old.status end;
    moment timestamptz := clock_timestamp();
begin
    insert into jobstatus.transitions
        (workspace, job_id, attempt, step_position, old_status, new_status, changed_at, changed_by)
    values (new.workspace, new.job_id, new.attempt, new.position, before, new.status, moment,
        session_user);
    return null;
end
$$;

create or replace function jobstatus.record_task() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    moment timestamptz := clock_timestamp();
begin
    insert into jobstatus.transitions (workspace, job_id, attempt, step_position, task_position,
        old_status, new_status, changed_at, changed_by)
    values (new.workspace, new.job_id, new.attempt, new.step_position, new.position, old.status,
        new.status, moment, session_user);
    return null;
end
$$;

-- Tasks come by thousands.
create or replace function jobstatus.record_tasks() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    task record;
    moment timestamptz := clock_timestamp();
begin
    for task in select workspace, job_id, attempt, step_position, position, status from new_rows
            order by 1, 2, 3, 4, 5 loop
        insert into jobstatus.transitions (workspace, job_id, attempt, step_position, task_position, new_status,
            changed_at, changed_by)
        values (task.workspace, task.job_id, task.attempt, task.step_position, task.position, task.status, moment,
            session_user);
    end loop;
    return null;
end
$$;

-- TRUNCATE fires no other trigger, so revisions would stand still.
create or replace function jobstatus.refuse_truncate() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'jobstatus: %.% cannot be truncated', tg_table_schema, tg_table_name
        using errcode = 'feature_not_supported',
        hint = 'Use DELETE, which keeps the jobs'' revisions right.';
end
$$;

create or replace trigger touch before insert or update on jobstatus.jobs
    for each row execute function jobstatus.touch_job();
create or replace trigger touch before update on jobstatus.steps
    for each row execute function jobstatus.touch_below();
create or replace trigger touch before update on jobstatus.tasks
    for each row execute function jobstatus.touch_below();
create or replace trigger carry_insert after insert on jobstatus.steps
    referencing new table as new_rows for each statement execute function jobstatus.carry_insert();
create or replace trigger carry_update after update on jobstatus.steps
    referencing old table as old_rows new table as new_rows
    for each statement execute function jobstatus.carry_update();
create or replace trigger carry_delete after delete on jobstatus.steps
    referencing old table as old_rows for each statement execute function jobstatus.carry_delete();
create or replace trigger carry_insert after insert on jobstatus.tasks
    referencing new table as new_rows for each statement
    when (current_setting('jobstatus.carry', true) is distinct from 'no')
    execute function jobstatus.carry_insert();
create or replace trigger carry_update after update on jobstatus.tasks
    referencing old table as old_rows new table as new_rows for each statement
    when (current_setting('jobstatus.carry', true) is distinct from 'no')
    execute function jobstatus.carry_update();
create or replace trigger carry_delete after delete on jobstatus.tasks
    referencing old table as old_rows for each statement execute function jobstatus.carry_delete();
create or replace trigger record_insert after insert on jobstatus.jobs
    for each row execute function jobstatus.record_job();
create or replace trigger record_update after update on jobstatus.jobs
    for each row when (old.status <> new.status) execute function jobstatus.record_job();
create or replace trigger record_insert after insert on jobstatus.steps
    for each row execute function jobstatus.record_step();
create or replace trigger record_update after update on jobstatus.steps
    for each row when (old.status <> new.status) execute function jobstatus.record_step();
create or replace trigger record_insert after insert on jobstatus.tasks
    referencing new table as new_rows for each statement execute function jobstatus.record_tasks();
create or replace trigger record_update after update on jobstatus.tasks
    for each row when (old.status <> new.status) execute function jobstatus.record_task();
create or replace trigger refuse_truncate before truncate on jobstatus.jobs
    for each statement execute function jobstatus.refuse_truncate();
create or replace trigger refuse_truncate before truncate on jobstatus.steps
    for each statement execute function jobstatus.refuse_truncate();
create or replace trigger refuse_truncate before truncate on jobstatus.tasks
    for each statement execute function jobstatus.refuse_truncate();

-- Of version 1.
drop function if exists jobstatus.touch_step(), jobstatus.touch_task();

-- Nothing here is for everybody; roles.sql grants what is for somebody.
revoke all on all functions in schema jobstatus from public;
grant execute on function jobstatus.is_name(text), jobstatus.is_status(text),
    jobstatus.is_time(timestamptz) to public;

-- What everything is -----------------------------------------------------------------------------------
comment on schema jobstatus is 'The status of jobs, their steps and their tasks, as jobstatus.fcgi reads it';
comment on table jobstatus.schema_version is 'The versions of this schema that were installed here';
comment on column jobstatus.schema_version.version is 'The version';
comment on column jobstatus.schema_version.installed_at is 'When its installation began';
comment on sequence jobstatus.revision_seq is 'The revisions of all jobs: none ever returns';

comment on table jobstatus.readers is 'Which principal may read the jobs of which workspace, where jobstatus.fcgi '
    'runs with --authorize; without it nobody asks this table';
comment on column jobstatus.readers.workspace is 'The workspace; there need not be a job of it';
comment on column jobstatus.readers.principal is 'Who may read it, as the web server names who it has authenticated';

comment on table jobstatus.jobs is 'Jobs. Who writes several levels of a job (itself, its steps, its tasks) '
    'in one transaction locks the job''s row first (select … for update): triggers go up from tasks to '
    'jobs, and writers that go down would deadlock with them';
comment on column jobstatus.jobs.workspace is 'The workspace; a job''s name is unique in it';
comment on column jobstatus.jobs.name is 'The name, as in the request''s path';
comment on column jobstatus.jobs.id is 'The id, unique in the workspace';
comment on column jobstatus.jobs.attempt is 'The current run, 0 at first; steps of it alone are shown';
comment on column jobstatus.jobs.status is 'One of the contract''s ten statuses';
comment on column jobstatus.jobs.status_details is 'A JSON object, shown as it is stored';
comment on column jobstatus.jobs.error_details is 'A JSON object, shown as it is stored';
comment on column jobstatus.jobs.revision is 'Changes with every visible change of the job, its steps and '
    'its tasks; kept by triggers';
comment on column jobstatus.jobs.created_at is 'When the job was created';
comment on column jobstatus.jobs.updated_at is 'When the job''s own row changed last; kept by a trigger '
    'unless an update sets it';

comment on table jobstatus.steps is 'Steps of jobs. Who also writes the job or tasks in the transaction locks '
    'the job''s row first (select … for update)';
comment on column jobstatus.steps.workspace is 'The job''s workspace';
comment on column jobstatus.steps.job_id is 'The job''s id';
comment on column jobstatus.steps.attempt is 'The run of the job that the step belongs to';
comment on column jobstatus.steps.position is 'The place among the job''s steps, from 0';
comment on column jobstatus.steps.id is 'The id';
comment on column jobstatus.steps.name is 'The name, unique in the run';
comment on column jobstatus.steps.status is 'One of the contract''s ten statuses';
comment on column jobstatus.steps.status_details is 'A JSON object, shown as it is stored';
comment on column jobstatus.steps.error_details is 'A JSON object, shown as it is stored';
comment on column jobstatus.steps.declared is 'Whether the step was known when the run began, and did not come '
    'with a report: the last declared one completes the job';
comment on column jobstatus.steps.created_at is 'When the step was created';
comment on column jobstatus.steps.updated_at is 'When the step''s own row changed last; kept by a trigger '
    'unless an update sets it';

comment on table jobstatus.tasks is 'Tasks of steps. Who also writes the step or the job in the transaction '
    'locks the job''s row first (select … for update)';
comment on column jobstatus.tasks.workspace is 'The job''s workspace';
comment on column jobstatus.tasks.job_id is 'The job''s id';
comment on column jobstatus.tasks.attempt is 'The run of the job that the task belongs to';
comment on column jobstatus.tasks.step_position is 'The position of the task''s step';
comment on column jobstatus.tasks.position is 'The place among the step''s tasks, from 0';
comment on column jobstatus.tasks.id is 'The id';
comment on column jobstatus.tasks.name is 'The name, unique in the step';
comment on column jobstatus.tasks.status is 'One of the contract''s ten statuses';
comment on column jobstatus.tasks.status_details is 'A JSON object, shown as it is stored';
comment on column jobstatus.tasks.error_details is 'A JSON object, shown as it is stored';
comment on column jobstatus.tasks.error_stack is 'The stack trace of an error; NULL is shown as an empty text';
comment on column jobstatus.tasks.created_at is 'When the task was created';
comment on column jobstatus.tasks.updated_at is 'When the task changed last; kept by a trigger unless an '
    'update sets it';

comment on sequence jobstatus.transition_seq is 'The order of all transitions';
comment on table jobstatus.transitions is 'Every status that a job, a step or a task has got, kept by triggers and '
    'deleted with the job';
comment on column jobstatus.transitions.workspace is 'The job''s workspace';
comment on column jobstatus.transitions.job_id is 'The job''s id';
comment on column jobstatus.transitions.id is 'Later ones have greater ones';
comment on column jobstatus.transitions.attempt is 'The run of the job, as it was after the change';
comment on column jobstatus.transitions.step_position is 'The step''s position; NULL: the job''s own status';
comment on column jobstatus.transitions.task_position is 'The task''s position; NULL: the step''s own status';
comment on column jobstatus.transitions.old_status is 'The status before; NULL: there was none';
comment on column jobstatus.transitions.new_status is 'The status after';
comment on column jobstatus.transitions.changed_at is 'When it changed';
comment on column jobstatus.transitions.changed_by is 'The database role that had logged in';

comment on function jobstatus.is_name(text) is 'Whether a text can name a workspace, job, step or task';
comment on function jobstatus.is_status(text) is 'Whether a text is one of the contract''s ten statuses';
comment on function jobstatus.is_time(timestamptz) is 'Whether a time lies in the years 0001 to 9999';
comment on function jobstatus.touch_job() is 'Moves updated_at and revision of a job that changes';
comment on function jobstatus.touch_below() is 'Moves updated_at of a step or a task that changes';
comment on function jobstatus.carry_insert() is 'Moves the revision of the jobs below which rows came';
comment on function jobstatus.carry_update() is 'Moves the revision of the jobs below which rows changed';
comment on function jobstatus.carry_delete() is 'Moves revision and updated_at of the jobs below which rows '
    'went';
comment on function jobstatus.record_job() is 'Records the status of a job';
comment on function jobstatus.record_step() is 'Records the status of a step';
comment on function jobstatus.record_task() is 'Records another status of a task';
comment on function jobstatus.record_tasks() is 'Records the status of new tasks';
comment on function jobstatus.refuse_truncate() is 'Refuses TRUNCATE';

commit;
