-- create_job: a new job, with the steps that are known.
begin;
select plan(30);
set session authorization writer;

-- What it returns.
select is(concat_ws(' ', r.workspace, r.name, r.attempt, r.status, r.status_details, r.error_details),
        'w plain 0 created {} {}', 'a job is created without details, in attempt 0')
    from jobstatus.create_job('w', 'plain') r;
select matches((jobstatus.create_job('w', 'ids', '{a,b}')).id,
    '^job-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$', 'its id is a random one');
select is((jobstatus.create_job('w', 'given', '{}', 'my id')).id, 'my id', 'or the one that is given');
select is((jobstatus.create_job('w', 'short', '{}', 'x')).id, 'x', 'an id may have 1 character');
select is((jobstatus.create_job('w', 'long', '{}', repeat('é', 255))).id, repeat('é', 255),
    'an id may have 255 characters');
select is((jobstatus.create_job('w', repeat('é', 255))).name, repeat('é', 255), 'a name may have 255 characters');
select is((jobstatus.create_job(repeat('é', 255), 'j')).workspace, repeat('é', 255), 'a workspace may have 255');
select lives_ok(format('select jobstatus.create_job(%L, %L, array[%1$L])', name, 'odd ' || name),
        format('"%s" is a name', name))
    from unnest(array['...', ' ', 'a b', '%2F', '"', '\', 'Ü', U&'\+01F600', U&'\00A0', 'NULL']) name;
select is((jobstatus.create_job('w', 'begins elsewhere', '[5:6]={a,b}')).status, 'created',
    'an array may begin where it likes');
select is((jobstatus.create_job('w', 'one step', array[repeat('é', 255)])).status, 'created',
    'a step''s name may have 255 characters');

-- The rows that it writes.
reset session authorization;
select results_eq($$
    select position, name, status, status_details::text, error_details::text, attempt, declared,
        id ~ '^step-[0-9a-f-]{36}$'
    from jobstatus.steps where job_id = (select id from jobstatus.jobs where name = 'ids') order by position
    $$, $$ values (0, 'a', 'created', '{}', '{}', 0, true, true), (1, 'b', 'created', '{}', '{}', 0, true, true) $$,
    'the steps are declared, in their order, in created');
select results_eq($$
    select position, name from jobstatus.steps
    where job_id = (select id from jobstatus.jobs where name = 'begins elsewhere') order by position
    $$, $$ values (0, 'a'), (1, 'b') $$, 'positions begin at 0, whatever the array''s subscripts do');
select is_empty($$ select from jobstatus.steps s join jobstatus.jobs j on j.id = s.job_id where j.name = 'plain' $$,
    'there need be no steps');

-- Names and ids that are taken.
set session authorization writer;
select throws_ok(format('select jobstatus.create_job(%s)', arguments), 'JS003', message, arguments)
from (values
    ($$'w', 'given'$$, 'name taken: workspace "w" has a job "given"'),
    ($$'w', 'given', '{a}', 'my id'$$, 'name taken: workspace "w" has a job "given"'),
    ($$'w', 'given', '{a}', 'other'$$, 'name taken: workspace "w" has a job "given"'),
    ($$'w', 'another', '{a}', 'my id'$$, 'name taken: workspace "w" has a job with the id "my id"')
) cases(arguments, message);
select is((jobstatus.create_job('v', 'given', '{}', 'my id')).id, 'my id',
    'another workspace may have the same name and id');
select is((jobstatus.create_job('w', 'Given')).name, 'Given', 'letters count as they are written');
select jobstatus.delete_job('w', 'given') \g /dev/null
select is((jobstatus.create_job('w', 'given', '{}', 'my id')).id, 'my id', 'a deleted job''s name and id are free');
reset session authorization;
select is_empty($$ select from jobstatus.jobs where name = 'another' $$, 'a refused job is not there');

select * from finish();
rollback;
