-- What there is, whose it is, and who may do what.
begin;
select plan(157);

create role stranger;

create temporary table reporting (name name, types name[], arguments text, result text);
insert into reporting values
    ('create_job', '{text,text,text[],text}',
        'workspace text, name text, steps text[] DEFAULT ''{}''::text[], id text DEFAULT NULL::text', 'jobstatus.jobs'),
    ('report_step', '{text,text,text,text,json,json}',
        'workspace text, job text, step text, status text DEFAULT NULL::text, status_details json DEFAULT NULL::json, '
        'error_details json DEFAULT NULL::json', 'jobstatus.steps'),
    ('report_task', '{text,text,text,text,text,json,json,text}',
        'workspace text, job text, step text, task text, status text DEFAULT NULL::text, status_details json DEFAULT '
        'NULL::json, error_details json DEFAULT NULL::json, error_stack text DEFAULT NULL::text', 'jobstatus.tasks'),
    ('report_tasks', '{text,text,text,json}', 'workspace text, job text, step text, tasks json', 'integer'),
    ('report_job_details', '{text,text,json}', 'workspace text, job text, status_details json', 'jobstatus.jobs'),
    ('complete_job', '{text,text}', 'workspace text, job text', 'jobstatus.jobs'),
    ('cancel_job', '{text,text}', 'workspace text, job text', 'jobstatus.jobs'),
    ('pause_job', '{text,text}', 'workspace text, job text', 'jobstatus.jobs'),
    ('resume_job', '{text,text}', 'workspace text, job text', 'jobstatus.jobs'),
    ('rerun_job', '{text,text}', 'workspace text, job text', 'jobstatus.jobs'),
    ('delete_job', '{text,text}', 'workspace text, job text', 'jobstatus.jobs');

-- The reporting functions.
select has_function('jobstatus', name, types) from reporting;
select is(pg_get_function_arguments(p.oid), r.arguments, r.name || ' has these arguments and defaults')
    from reporting r left join pg_proc p on p.proname = r.name and p.pronamespace = 'jobstatus'::regnamespace;
select function_returns('jobstatus', name, types, result) from reporting;
select is_definer('jobstatus', name, types) from reporting;
select volatility_is('jobstatus', name, types, 'volatile') from reporting;
select function_owner_is('jobstatus', name, types, 'jobstatus_owner') from reporting;
select function_privs_are('jobstatus', name, types, 'jobstatus_writer', '{EXECUTE}') from reporting;
select function_privs_are('jobstatus', name, types, 'writer', '{EXECUTE}') from reporting;
select function_privs_are('jobstatus', name, types, 'jobstatus_reader', '{}') from reporting;
select function_privs_are('jobstatus', name, types, 'stranger', '{}') from reporting;

-- All functions.
select function_privs_are('jobstatus', 'delete_ended_jobs', '{interval,integer}', role, '{}')
    from unnest(array['jobstatus_writer', 'jobstatus_reader', 'stranger']) role;
select set_eq($$
    select p.proname from pg_proc p
    where p.pronamespace = 'jobstatus'::regnamespace and has_function_privilege('writer', p.oid, 'execute')
    $$, $$ select name from reporting union values ('is_name'), ('is_status'), ('is_time') $$,
    'who reports may execute no other function');
select set_eq($$ select proname from pg_proc where pronamespace = 'jobstatus'::regnamespace and prosecdef $$,
    $$ select name from reporting union values ('record_job'), ('record_step'), ('record_task'), ('record_tasks') $$,
    'no other function runs with the owner''s rights');
select is_empty($$
    select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'jobstatus'::regnamespace and pg_get_userbyid(p.proowner) <> 'jobstatus_owner'
    $$, 'all functions are the owner''s');
-- The others run under the search_path of those, or of the owner's session.
select is_empty($$
    select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'jobstatus'::regnamespace and (p.prosecdef or p.prorettype = 'trigger'::regtype)
        and not 'search_path=pg_catalog, pg_temp' = any (coalesce(p.proconfig, '{}'))
        and p.proname not in ('touch_job', 'touch_below')
    $$, 'those and triggers have a fixed search_path, or no name that depends on it');
select is_empty($$
    select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'jobstatus'::regnamespace and obj_description(p.oid, 'pg_proc') is null
    $$, 'all functions have a comment');

-- Tables, views and sequences.
select tables_are('jobstatus', '{jobs,readers,schema_version,steps,tasks,transitions}'::name[]);
select views_are('jobstatus', '{resting,status_counts,step_times}'::name[]);
select sequences_are('jobstatus', '{revision_seq,transition_seq}'::name[]);
select table_privs_are('jobstatus', name, 'jobstatus_reader', '{SELECT}'::name[])
    from unnest('{jobs,steps,tasks,readers}'::name[]) name;
select table_privs_are('jobstatus', name, 'jobstatus_reader', '{}'::name[])
    from unnest('{schema_version,transitions,resting,status_counts,step_times}'::name[]) name;
select table_privs_are('jobstatus', name, role, '{}'::name[])
    from unnest('{jobs,steps,tasks,readers,schema_version,transitions,resting,status_counts,step_times}'::name[]) name,
        unnest('{writer,stranger}'::name[]) role;
select sequence_privs_are('jobstatus', name, role, '{}'::name[])
    from unnest('{revision_seq,transition_seq}'::name[]) name, unnest('{writer,reader,stranger}'::name[]) role;
select schema_privs_are('jobstatus', 'writer', '{USAGE}'::name[]);
select schema_privs_are('jobstatus', 'stranger', '{}'::name[]);
select is_empty($$
    select c.oid::regclass from pg_class c
    where c.relnamespace = 'jobstatus'::regnamespace and c.relkind in ('r', 'v', 'S')
        and (pg_get_userbyid(c.relowner) <> 'jobstatus_owner' or obj_description(c.oid, 'pg_class') is null)
    $$, 'all tables, views and sequences are the owner''s and have a comment');

select * from finish();
rollback;
