-- Takes away what nemo-platform.sql made, in one transaction. Again it is harmless. Where the table readers says who may
-- read, it stays for the next installation, and with it the schema and the role.
--
--     psql -d DATABASE -f sql/nemo-platform-remove.sql
--
-- The role goes too, unless it has rights in another database of the cluster.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
select pg_advisory_xact_lock(hashtext('jobstatus_nemo')) \g /dev/null

-- In the order in which a read locks them: in another one the two would wait for each other.
drop view if exists jobstatus_nemo.jobs, jobstatus_nemo.tasks, jobstatus_nemo.steps;

do $$
begin
    if to_regclass('jobstatus_nemo.readers') is not null then
        if exists (select from jobstatus_nemo.readers) then
            raise warning 'jobstatus_nemo.readers stays, since it says who may read: delete its rows, and run this again';
            return;
        end if;
        drop table jobstatus_nemo.readers;
    end if;
    drop schema if exists jobstatus_nemo;
    begin
        if exists (select from pg_roles where rolname = 'jobstatus_nemo_reader') then
            drop role jobstatus_nemo_reader;
        end if;
    exception when dependent_objects_still_exist then
        raise warning 'the role jobstatus_nemo_reader stays: it has rights elsewhere, in this database or another';
    end;
end
$$;

commit;
