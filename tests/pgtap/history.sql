-- transitions: every status that a job, a step or a task has got, by functions and by plain SQL.
\ir cases.psql
begin;
select plan(51);

-- What has happened since that was asked last, in its order: which, from, to.
create temporary table seen as select 0::bigint as last;
create function pg_temp.happened() returns text
    language sql as $$
    with news as (
        select t.* from jobstatus.transitions t
        where t.id > (select last from seen) and t.workspace = 'w' and t.job_id = 'id of j'
    ), mark as (
        update seen set last = greatest(last, (select max(id) from jobstatus.transitions))
    )
    select coalesce(string_agg(format('%s: %s>%s', concat_ws('/', coalesce(s.name, 'job'), k.name) || '@' || n.attempt,
            n.old_status, n.new_status), ', ' order by n.id), 'nothing')
    from news n
    left join jobstatus.steps s on s.workspace = n.workspace and s.job_id = n.job_id and s.attempt = n.attempt
        and s.position = n.step_position
    left join jobstatus.tasks k on k.workspace = n.workspace and k.job_id = n.job_id and k.attempt = n.attempt
        and k.step_position = n.step_position and k.position = n.task_position
$$;
-- The same after a call by somebody who may report, or after a statement.
create function pg_temp.after(statement text) returns text
    language plpgsql as $$
declare
    me text := session_user;
begin
    if statement like 'jobstatus.%' then
        perform set_config('session_authorization', 'writer', true);
        execute 'select ' || statement;
        perform set_config('session_authorization', me, true);
    else
        execute statement;
    end if;
    return pg_temp.happened();
end
$$;

-- A job's life, by the functions.
select is(pg_temp.after(call), outcome, call)
from (values
    ($$jobstatus.create_job('w', 'j', '{a,b}', 'id of j')$$, 'job@0: >created, a@0: >created, b@0: >created'),
    ($$jobstatus.report_step('w', 'j', 'a', 'pending')$$, 'a@0: created>pending, job@0: created>pending'),
    ($$jobstatus.report_step('w', 'j', 'a', 'pending')$$, 'nothing'),
    ($$jobstatus.report_step('w', 'j', 'a', null, '{"a":1}')$$, 'nothing'),
    ($$jobstatus.report_step('w', 'j', 'a', 'active')$$, 'a@0: pending>active, job@0: pending>active'),
    ($$jobstatus.report_task('w', 'j', 'a', 't', 'active')$$, 'a/t@0: >active'),
    ($$jobstatus.report_task('w', 'j', 'a', 't', 'active', '{"a":2}')$$, 'nothing'),
    ($$jobstatus.report_tasks('w', 'j', 'a', '[{"name":"u"},{"name":"t","status":"completed"}]')$$,
        'a/t@0: active>completed, a/u@0: >pending'),
    ($$jobstatus.report_job_details('w', 'j', '{"b":1}')$$, 'nothing'),
    ($$jobstatus.pause_job('w', 'j')$$, 'a@0: active>pausing, job@0: active>pausing'),
    ($$jobstatus.report_step('w', 'j', 'a', 'paused')$$, 'a@0: pausing>paused, job@0: pausing>paused'),
    ($$jobstatus.resume_job('w', 'j')$$, 'a@0: paused>resuming, job@0: paused>resuming'),
    ($$jobstatus.report_step('w', 'j', 'a', 'active')$$, 'a@0: resuming>active, job@0: resuming>active'),
    ($$jobstatus.report_step('w', 'j', 'a', 'completed')$$, 'a@0: active>completed'),
    ($$jobstatus.report_step('w', 'j', 'c', 'active')$$, 'c@0: >active'),
    ($$jobstatus.cancel_job('w', 'j')$$, 'c@0: active>cancelling, job@0: active>cancelling'),
    ($$jobstatus.report_step('w', 'j', 'c', 'cancelled')$$,
        'c@0: cancelling>cancelled, b@0: created>cancelled, job@0: cancelling>cancelled'),
    ($$jobstatus.cancel_job('w', 'j')$$, 'nothing'),
    ($$jobstatus.rerun_job('w', 'j')$$, 'a@1: >created, b@1: >created, c@1: >created, job@1: cancelled>created'),
    ($$jobstatus.cancel_job('w', 'j')$$,
        'a@1: created>cancelled, b@1: created>cancelled, c@1: created>cancelled, job@1: created>cancelled')
) cases(call, outcome);
select is(changed_by, 'writer', 'they are by whoever has logged in') from (
    select distinct changed_by from jobstatus.transitions where job_id = 'id of j') t;
select cmp_ok(min(changed_at), '>=', now(), 'at the time when it was')
    from jobstatus.transitions where job_id = 'id of j';
select is(count(*), 0::bigint, 'later ones have greater ids') from (
    select changed_at < lag(changed_at) over (order by id) as earlier from jobstatus.transitions) t where earlier;
select is(pg_temp.after($$jobstatus.delete_job('w', 'j')$$), 'nothing', 'a deleted job''s history');
select is_empty('select from jobstatus.transitions', 'goes along');

-- By plain SQL, whatever the rules are.
select is(pg_temp.after(statement), outcome, statement)
from (values
    ($$insert into jobstatus.jobs (workspace, name, id, status) values ('w', 'j', 'id of j', 'completed')$$,
        'job@0: >completed'),
    ($$update jobstatus.jobs set status = 'active'$$, 'job@0: completed>active'),
    ($$update jobstatus.jobs set status = 'active', status_details = '{"a":1}'$$, 'nothing'),
    ($$insert into jobstatus.steps (workspace, job_id, position, id, name, status)
        select 'w', 'id of j', n, 's', 's' || n, 'pending' from generate_series(1, 3) n$$,
        's1@0: >pending, s2@0: >pending, s3@0: >pending'),
    ($$update jobstatus.steps set status = 'created' where position < 3$$,
        's1@0: pending>created, s2@0: pending>created'),
    ($$update jobstatus.steps set status = 'created'$$, 's3@0: pending>created'),
    ($$update jobstatus.steps set error_details = '{"a":1}'$$, 'nothing'),
    ($$insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)
        values ('w', 'id of j', 2, 7, 't', 't', 'error')$$, 's2/t@0: >error'),
    ($$update jobstatus.tasks set status = 'active', error_stack = 'x'$$, 's2/t@0: error>active'),
    ($$update jobstatus.tasks set error_stack = 'y'$$, 'nothing'),
    ($$delete from jobstatus.steps$$, 'nothing')
) cases(statement, outcome);
select is((select array_agg(distinct changed_by) from jobstatus.transitions), array[session_user::text],
    'they are by whoever has logged in');
set role jobstatus_owner;
update jobstatus.jobs set status = 'paused';
reset role;
select is((select array_agg(distinct changed_by) from jobstatus.transitions), array[session_user::text],
    'under whatever role');

-- What plain SQL does counts like what functions do: revision and times.
create function pg_temp.moves(statement text) returns text
    language plpgsql as $$
declare
    old record;
    new record;
begin
    select revision, updated_at into old from jobstatus.jobs where workspace = 'w' and name = 'j';
    execute statement;
    select revision, updated_at into new from jobstatus.jobs where workspace = 'w' and name = 'j';
    return concat_ws(' and ', case when new.revision > old.revision then 'revision' end,
        case when new.updated_at > old.updated_at then 'updated_at' end);
end
$$;
select pg_temp.given('active: a=active[t=active]') \g /dev/null
select is(pg_temp.moves(statement), outcome, statement)
from (values
    ($$select jobstatus.report_step('w', 'j', 'a', 'pausing')$$, 'revision and updated_at'),
    ($$select jobstatus.report_step('w', 'j', 'a', null, '{"a":1}')$$, 'revision'),
    ($$select jobstatus.report_task('w', 'j', 'a', 't', 'pausing')$$, 'revision'),
    ($$select jobstatus.report_task('w', 'j', 'a', 't', null, '{"a":1}')$$, 'revision and updated_at'),
    ($$select jobstatus.report_tasks('w', 'j', 'a', '[{"name":"t","error_stack":"x"}]')$$, 'revision'),
    ($$select jobstatus.report_job_details('w', 'j', '{"b":1}')$$, 'revision and updated_at'),
    ($$select jobstatus.report_job_details('w', 'j', '{"b":1}')$$, ''),
    ($$update jobstatus.tasks set status = 'error'$$, 'revision'),
    ($$update jobstatus.steps set status = 'error'$$, 'revision'),
    ($$update jobstatus.jobs set status = 'error'$$, 'revision and updated_at')
) cases(statement, outcome);

-- Its shape.
select columns_are('jobstatus', 'transitions',
    '{workspace,job_id,id,attempt,step_position,task_position,old_status,new_status,changed_at,changed_by}'::name[]);
select col_is_pk('jobstatus', 'transitions', '{workspace,job_id,id}'::name[], 'its key leads with the workspace');
select col_is_fk('jobstatus', 'transitions', '{workspace,job_id}'::name[], 'it belongs to a job');

select * from finish();
rollback;
