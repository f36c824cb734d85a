-- What no job or step has the name of: JS001, JS002. Arguments are judged before the job, the job before the step.
\ir cases.psql
begin;
select plan(58);

create temporary table calls (call text);
grant select on calls to writer;
insert into calls values
    ('report_step(%L, %L, ''a'')'), ('report_step(%L, %L, ''new'', ''active'')'),
    ('report_task(%L, %L, ''a'', ''t'')'),
        ('report_tasks(%L, %L, ''a'', ''[{"name":"t"}]'')'), ('report_tasks(%L, %L, ''a'', ''[]'')'),
    ('report_job_details(%L, %L, ''{}'')'), ('complete_job(%L, %L)'), ('cancel_job(%L, %L)'), ('pause_job(%L, %L)'),
    ('resume_job(%L, %L)'), ('rerun_job(%L, %L)'), ('delete_job(%L, %L)');

select pg_temp.given('active@1: a=active') \g /dev/null
set session authorization writer;
select throws_ok(format('select jobstatus.' || call, workspace, job), 'JS001',
        format('unknown job: workspace "%s" has no job "%s"', workspace, job), format(call, workspace, job))
    from calls, (values ('w', 'no'), ('nowhere', 'j'), ('w', 'J'), ('v', 'other')) jobs(workspace, job);

select throws_ok('select jobstatus.' || call, 'JS002', message, call)
from (values
    ($$report_task('w', 'j', 'no', 't')$$, 'unknown step: job "j" has no step "no"'),
    ($$report_task('w', 'j', 'extract', 'part')$$, 'unknown step: job "j" has no step "extract"'),
    ($$report_tasks('w', 'j', 'no', '[{"name":"t"}]')$$, 'unknown step: job "j" has no step "no"'),
    ($$report_tasks('w', 'j', 'extract', '[]')$$, 'unknown step: job "j" has no step "extract"')
) cases(call, message);

-- What is judged first.
select throws_ok('select jobstatus.' || call, state, null, state || ': ' || call)
from (values
    ('JS005', $$report_step('w', 'no', 'a', 'odd')$$),
    ('JS005', $$report_task('w', 'no', 'no', 't', null, null, '[]')$$),
    ('JS005', $$report_tasks('w', 'j', 'no', '[{"name":"t"},{}]')$$),
    ('JS001', $$report_task('w', 'no', 'no', 't')$$)
) cases(state, call);
reset session authorization;
update jobstatus.jobs set status = 'completed' where workspace = 'w' and name = 'j';
set session authorization writer;
select throws_ok('select jobstatus.' || call, state, null, state || ' after the end: ' || call)
from (values
    ('JS002', $$report_task('w', 'j', 'no', 't')$$),
    ('JS004', $$report_task('w', 'j', 'a', 't')$$)
) cases(state, call);

select * from finish();
rollback;
