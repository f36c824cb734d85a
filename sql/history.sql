-- jobstatus: what the history of statuses tells, and the deletion of jobs that ended long ago.
--
--     psql -f sql/history.sql
--
-- After schema.sql, roles.sql and reporting.sql. All of it is the owner's; grant select on a view to whoever asks.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local client_min_messages = warning;
-- One installation at a time, as in schema.sql.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('jobstatus.schema')) \g /dev/null

-- How long each step waited until it was active, and ran until it ended, pauses included; so far, if it has
-- not come to that. Of steps that are older than the history nothing is known.
create or replace view jobstatus.step_times as
select s.workspace, j.name as job, s.job_id, s.attempt, s.position, s.name as step, s.status, s.created_at,
    t.started_at, t.ended_at,
    case when t.known then coalesce(t.started_at, t.ended_at, statement_timestamp()) - s.created_at end as waited,
    coalesce(t.ended_at, statement_timestamp()) - t.started_at as ran
from jobstatus.steps s
join jobstatus.jobs j on j.workspace = s.workspace and j.id = s.job_id
cross join lateral (
    select count(*) > 0 as known, min(t.changed_at) filter (where t.new_status = 'active') as started_at,
        min(t.changed_at) filter (where t.new_status in ('completed', 'error', 'cancelled')) as ended_at
    from jobstatus.transitions t
    where t.workspace = s.workspace and t.job_id = s.job_id and t.attempt = s.attempt
        and t.step_position = s.position and t.task_position is null) t;

-- The jobs that have not ended, with the moment since when nothing of them has changed, details included.
create or replace view jobstatus.resting as
select j.workspace, j.name as job, j.id as job_id, j.status,
    greatest(j.updated_at, s.updated_at, t.updated_at) as since,
    statement_timestamp() - greatest(j.updated_at, s.updated_at, t.updated_at) as rested
from jobstatus.jobs j
cross join lateral (
    select max(s.updated_at) as updated_at from jobstatus.steps s
    where s.workspace = j.workspace and s.job_id = j.id and s.attempt = j.attempt) s
cross join lateral (
    select max(t.updated_at) as updated_at from jobstatus.tasks t
    where t.workspace = j.workspace and t.job_id = j.id and t.attempt = j.attempt) t
where j.status not in ('completed', 'error', 'cancelled');

create or replace view jobstatus.status_counts as
select workspace, status, count(*) as jobs from jobstatus.jobs group by workspace, status;

-- Deletes at most BATCH jobs that ended longer than OLDER_THAN ago and were not run again since, those that
-- ended first; one that somebody else has locked is left for the next time. Returns how many it deleted.
create or replace function jobstatus.delete_ended_jobs(older_than interval, batch integer default 1000)
    returns integer
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    before timestamptz;
    ended record;
    deleted integer := 0;
begin
    if older_than is null or older_than < interval '0' then
        perform jobstatus.refuse_argument('older_than', older_than::text, 'is no length of time');
    elsif batch is null or batch < 1 then
        perform jobstatus.refuse_argument('batch', batch::text, 'is not 1 or more');
    elsif older_than > interval '10000 years' then
        return 0;
    end if;
    before := clock_timestamp() - older_than;
    for ended in
        select t.workspace, t.job_id from jobstatus.transitions t
        where t.step_position is null and t.new_status in ('completed', 'error', 'cancelled')
            and t.changed_at < before
            and not exists (select from jobstatus.transitions l where l.workspace = t.workspace
                and l.job_id = t.job_id and l.id > t.id and l.step_position is null)
        order by t.changed_at
    loop
        exit when deleted >= batch;
        perform from jobstatus.jobs j
            where j.workspace = ended.workspace and j.id = ended.job_id
            and j.status in ('completed', 'error', 'cancelled') for update skip locked;
        continue when not found;
        -- Asked after the lock is taken: it may have been run again, and have ended again, meanwhile.
        continue when exists (select from jobstatus.transitions t
            where t.workspace = ended.workspace and t.job_id = ended.job_id and t.step_position is null
            and t.changed_at >= before);
        delete from jobstatus.jobs j where j.workspace = ended.workspace and j.id = ended.job_id;
        deleted := deleted + 1;
    end loop;
    return deleted;
end
$$;

alter view jobstatus.step_times owner to jobstatus_owner;
alter view jobstatus.resting owner to jobstatus_owner;
alter view jobstatus.status_counts owner to jobstatus_owner;
alter function jobstatus.delete_ended_jobs(interval, integer) owner to jobstatus_owner;
revoke all on function jobstatus.delete_ended_jobs(interval, integer) from public;

comment on view jobstatus.step_times is 'How long each step waited and ran';
comment on column jobstatus.step_times.started_at is 'When the step became active first';
comment on column jobstatus.step_times.ended_at is 'When the step was completed, cancelled or in error';
comment on column jobstatus.step_times.waited is 'From its creation until it started, ended or now';
comment on column jobstatus.step_times.ran is 'From its start until it ended or now';
comment on view jobstatus.resting is 'The jobs that have not ended, and how long nothing of them has changed';
comment on column jobstatus.resting.since is 'When something of the job changed last';
comment on column jobstatus.resting.rested is 'How long ago that is';
comment on view jobstatus.status_counts is 'How many jobs of each workspace have which status';
comment on column jobstatus.status_counts.jobs is 'The number of jobs';
comment on function jobstatus.delete_ended_jobs(interval, integer) is 'Deletes jobs that ended longer ago than '
    'that, at most so many; returns how many. Call it until it returns 0';

commit;
