-- jobstatus: row-level security, for databases in which people with roles of their own read the tables.
--
--     psql -f sql/row-security.sql
--
-- After schema.sql and roles.sql, and only if wanted. From then on a role that is in jobstatus_reader sees, in every table,
-- the rows of those workspaces alone that `readers` names with the role's own name as the principal, and of `readers` its own
-- rows. Again it is harmless. Owner and writers are not concerned: reporting functions run as the owner.
--
-- The program's role is one of those readers. Either it has its workspaces in `readers` like any other, which makes a program of
-- one tenant; or, where the program serves all of them, with --authorize or without it, it is to see everything:
--
--     alter role jobstatus bypassrls
--
-- To take it back: alter table … disable row level security, of the four tables below.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local client_min_messages = warning;
-- One installation at a time, as in schema.sql.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('jobstatus.schema')) \g /dev/null

drop policy if exists workspaces on jobstatus.jobs;
create policy workspaces on jobstatus.jobs for select to jobstatus_reader
    using (exists (select from jobstatus.readers as reader
        where reader.workspace = jobs.workspace and reader.principal = current_user));
drop policy if exists workspaces on jobstatus.steps;
create policy workspaces on jobstatus.steps for select to jobstatus_reader
    using (exists (select from jobstatus.readers as reader
        where reader.workspace = steps.workspace and reader.principal = current_user));
drop policy if exists workspaces on jobstatus.tasks;
create policy workspaces on jobstatus.tasks for select to jobstatus_reader
    using (exists (select from jobstatus.readers as reader
        where reader.workspace = tasks.workspace and reader.principal = current_user));
drop policy if exists principal on jobstatus.readers;
create policy principal on jobstatus.readers for select to jobstatus_reader
    using (principal = current_user);

alter table jobstatus.jobs enable row level security;
alter table jobstatus.steps enable row level security;
alter table jobstatus.tasks enable row level security;
alter table jobstatus.readers enable row level security;

commit;
