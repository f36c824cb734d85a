-- jobstatus: group roles and their rights.
--
--     psql -f sql/roles.sql
--
-- After schema.sql, and again after every upgrade of it. Grant the roles to the users that connect.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local client_min_messages = warning;
-- One installation at a time, as in schema.sql.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('jobstatus.schema')) \g /dev/null

-- Roles belong to the cluster, and another database's installation may make them at the same time.
do $$
declare
    role text;
begin
    foreach role in array array['jobstatus_owner', 'jobstatus_writer', 'jobstatus_reader'] loop
        begin
            if not exists (select from pg_catalog.pg_roles where rolname = role) then
                execute format('create role %I nologin', role);
            end if;
        exception when duplicate_object or unique_violation then
            null;
        end;
    end loop;
end
$$;

comment on role jobstatus_owner is 'Owns the schema jobstatus and what is in it';
comment on role jobstatus_writer is 'Executes the reporting functions of jobstatus';
comment on role jobstatus_reader is 'Reads jobs, steps and tasks, and who may: the role of jobstatus.fcgi';

-- The owner: an object of each kind that schema.sql makes.
alter schema jobstatus owner to jobstatus_owner;
do $$
declare
    object record;
begin
    for object in
        select 'table' as kind, c.oid::regclass::text as name from pg_catalog.pg_class c
            where c.relnamespace = 'jobstatus'::regnamespace and c.relkind in ('r', 'p', 'v')
        union all
        select 'sequence', c.oid::regclass::text from pg_catalog.pg_class c
            where c.relnamespace = 'jobstatus'::regnamespace and c.relkind = 'S'
        union all
        select 'function', p.oid::regprocedure::text from pg_catalog.pg_proc p
            where p.pronamespace = 'jobstatus'::regnamespace
        order by 1, 2
    loop
        execute format('alter %s %s owner to jobstatus_owner', object.kind, object.name);
    end loop;
end
$$;

revoke all on schema jobstatus from public;
revoke all on all tables in schema jobstatus from public, jobstatus_reader, jobstatus_writer;
grant usage on schema jobstatus to jobstatus_reader, jobstatus_writer;
grant select on jobstatus.jobs, jobstatus.steps, jobstatus.tasks, jobstatus.readers to jobstatus_reader;

commit;
