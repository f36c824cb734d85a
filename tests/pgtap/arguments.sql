-- Arguments that cannot be: JS005, with argument and value.
begin;
select plan(469);
set session authorization writer;
create temporary table created as select r::text as job from jobstatus.create_job('w', 'j', '{s}') r;

create temporary table names (argument text, call text);
insert into names values
    ('workspace', 'create_job(%L, ''k'')'), ('name', 'create_job(''w'', %L)'),
        ('steps[0]', 'create_job(''w'', ''k'', array[%L])'),
    ('steps[1]', 'create_job(''w'', ''k'', array[''s'', %L])'),
    ('workspace', 'report_step(%L, ''j'', ''s'')'), ('job', 'report_step(''w'', %L, ''s'')'),
    ('step', 'report_step(''w'', ''j'', %L)'),
    ('workspace', 'report_task(%L, ''j'', ''s'', ''t'')'), ('job', 'report_task(''w'', %L, ''s'', ''t'')'),
    ('step', 'report_task(''w'', ''j'', %L, ''t'')'), ('task', 'report_task(''w'', ''j'', ''s'', %L)'),
    ('workspace', 'report_tasks(%L, ''j'', ''s'', ''[]'')'), ('job', 'report_tasks(''w'', %L, ''s'', ''[]'')'),
    ('step', 'report_tasks(''w'', ''j'', %L, ''[]'')'),
    ('workspace', 'report_job_details(%L, ''j'', ''{}'')'), ('job', 'report_job_details(''w'', %L, ''{}'')'),
    ('workspace', 'complete_job(%L, ''j'')'), ('job', 'complete_job(''w'', %L)'),
    ('workspace', 'cancel_job(%L, ''j'')'), ('job', 'cancel_job(''w'', %L)'),
    ('workspace', 'pause_job(%L, ''j'')'), ('job', 'pause_job(''w'', %L)'),
    ('workspace', 'resume_job(%L, ''j'')'), ('job', 'resume_job(''w'', %L)'),
    ('workspace', 'rerun_job(%L, ''j'')'), ('job', 'rerun_job(''w'', %L)'),
    ('workspace', 'delete_job(%L, ''j'')'), ('job', 'delete_job(''w'', %L)');

-- What is no name, and what the message makes of it.
create temporary table bad (value text, shown text, reason text);
insert into bad values (null, 'NULL', ' is no name');
insert into bad select value, '"' || value || '"',
    ' is no name: one is not empty, . or .., and has no slash or control character'
    from unnest(array['', '.', '..', '/', 'a/b', e'\x01', e'a\tb', e'a\n', e'\x1f', e'\x7f',
        U&'\0080', U&'\009f']) value;
insert into bad select repeat(character, 256), '"' || repeat(character, 100) || '…"', ' is longer than 255 characters'
    from unnest('{x,é}'::text[]) character;
select throws_ok(format('select jobstatus.' || call, value), 'JS005',
    format('invalid argument %s: %s%s', argument, shown, reason),
        format('%s, %s', call, coalesce(left(to_json(value)::text, 40), 'NULL'))) from names, bad;

-- What is a name is judged no further than whether there is such a job or step.
select is((select count(*) from names where call !~ '^(create_job|report_task\(.*%L\)|report_step\(.*%L\))'),
    22::bigint,
    'the calls that follow');
select throws_like(format('select jobstatus.' || call, repeat('é', 255)), 'unknown %', '255 characters: ' || call)
    from names where call !~ '^(create_job|report_task\(.*%L\)|report_step\(.*%L\))';

-- Everything else.
select throws_ok('select jobstatus.' || call, 'JS005', 'invalid argument ' || message, left(call, 80))
from (values
    ($$create_job('w', 'k', null)$$, 'steps: NULL is no array'),
    ($$create_job('w', 'k', '{{a,b},{c,d}}')$$, 'steps: "{{a,b},{c,d}}" has more than one dimension'),
    ($$create_job('w', 'k', '{{a}}')$$, 'steps: "{{a}}" has more than one dimension'),
    ($$create_job('w', 'k', '{a,a}')$$, 'steps[1]: "a" is there twice'),
    ($$create_job('w', 'k', '{a,b,c,b,a}')$$, 'steps[3]: "b" is there twice'),
    ($$create_job('w', 'k', '{}', '')$$, 'id: "" has not 1 to 255 characters'),
    (format('create_job(''w'', ''k'', ''{}'', %L)', repeat('é', 256)),
        format('id: "%s…" has not 1 to 255 characters', repeat('é', 100))),
    ($$report_step('w', 'j', 's', '')$$, 'status: "" is no status'),
    ($$report_step('w', 'j', 's', 'Active')$$, 'status: "Active" is no status'),
    ($$report_step('w', 'j', 's', 'active ')$$, 'status: "active " is no status'),
    (format('report_step(''w'', ''j'', ''s'', %L)', repeat('x', 100)),
        format('status: "%s" is no status', repeat('x', 100))),
    (format('report_step(''w'', ''j'', ''s'', %L)', repeat('x', 101)),
        format('status: "%s…" is no status', repeat('x', 100))),
    ($$report_step('w', 'j', 's', null, '[]')$$, 'status_details: "[]" is no JSON object'),
    ($$report_step('w', 'j', 's', null, 'null')$$, 'status_details: "null" is no JSON object'),
    ($$report_step('w', 'j', 's', null, '"{}"')$$, 'status_details: ""{}"" is no JSON object'),
    ($$report_step('w', 'j', 's', null, '{}', '1e400')$$, 'error_details: "1e400" is no JSON object'),
    ($$report_step('w', 'j', 's', null, null, ' null')$$, 'error_details: " null" is no JSON object'),
    (format('report_step(''w'', ''j'', ''s'', null, %L)', '[' || repeat('1,', 100) || '1]'),
        format('status_details: "%s…" is no JSON object', left('[' || repeat('1,', 100), 100))),
    ($$report_task('w', 'j', 's', 't', 'done')$$, 'status: "done" is no status'),
    ($$report_task('w', 'j', 's', 't', null, 'true')$$, 'status_details: "true" is no JSON object'),
    ($$report_task('w', 'j', 's', 't', null, null, '[{}]')$$, 'error_details: "[{}]" is no JSON object'),
    ($$report_task('w', 'j', 's', 't', null, '"\u0000"')$$, 'status_details: ""\u0000"" is no JSON object'),
    ($$report_job_details('w', 'j', null)$$, 'status_details: NULL is no JSON object'),
    ($$report_job_details('w', 'j', 'null')$$, 'status_details: "null" is no JSON object'),
    ($$report_job_details('w', 'j', '[]')$$, 'status_details: "[]" is no JSON object')
) cases(call, message);

-- Nothing of it happened.
reset session authorization;
select results_eq('select j::text from jobstatus.jobs j', 'select job from created', 'there is the one job, as it was');

select * from finish();
rollback;
