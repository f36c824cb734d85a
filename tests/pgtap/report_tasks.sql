-- report_tasks: many tasks of one step, all or none.
\ir cases.psql
begin;
select plan(69);

select is(pg_temp.play(job, format('report_tasks(''w'', ''j'', ''a'', %L)', tasks)), outcome,
    format('%s | %s', job, tasks))
from (values
    ('active: a=active', '[]', 'unchanged -> 0'),
    ('active: a=active', ' [ ] ', 'unchanged -> 0'),
    ('completed: a=completed', '[]', 'unchanged -> 0'),
    ('active: a=active', '[{"name":"t"}]', 'active: a=active[t=pending] -> 1'),
    ('active: a=active[t=active]', '[{"name":"t"}]', 'unchanged -> 1'),
    ('active: a=active[t=active]', '[{"name":"t","status":"active"}]', 'unchanged -> 1'),
    ('active: a=active[t=active]', '[{"name":"t","status":null}]', 'unchanged -> 1'),
    ('active: a=active[t=active u=pending]', '[{"name":"u","status":"active"},{"name":"t","status":"completed"}]',
        'active: a=active[t=completed u=active] -> 2'),
    ('active: a=active[t=active]', '[{"name":"z"},{"name":"t","status":"error"},{"name":"b","status":"completed"}]',
        'active: a=active[t=error z=pending b=completed] -> 3'),
    ('active: a=active b=active[z=active]', '[{"name":"z"}]', 'active: a=active[z=pending] b=active[z=active] -> 1'),
    ('active@1: a=active', '[{"name":"part"}]', 'active@1: a=active[part=pending] -> 1'),
    ('created: a=created', '[{"name":"t","status":"active"}]', 'created: a=created[t=active] -> 1'),
    ('active: a=active', '[{"n\u0061me":"\u0074"}]', 'active: a=active[t=pending] -> 1'),
    ('active: a=active', '[{"status":"active","name":"t"}]', 'active: a=active[t=active] -> 1'),
    ('active: a=active', '[{"name":"t","status":null,"status_details":null,"error_details":null,"error_stack":null}]',
        'active: a=active[t=pending] -> 1'),
    -- Illegal transitions: the first one is named, and nothing of the others remains.
    ('active: a=active[t=completed]', '[{"name":"u"},{"name":"t","status":"active"}]',
        'JS004 illegal transition: tasks[1] "t" from completed to active'),
    ('active: a=active[t=completed u=active]', '[{"name":"u","status":"created"},{"name":"t","status":"active"}]',
        'JS004 illegal transition: tasks[0] "u" from active to created'),
    ('error: a=error[t=completed]', '[{"name":"t"},{"name":"u"},{"name":"v","status":"error"}]',
        'JS004 illegal transition: tasks[1] "u" from nothing to pending: job "j" is error'),
    ('completed: a=completed[t=active]', '[{"name":"t","status":"completed"}]',
        'JS004 illegal transition: tasks[0] "t" from active to completed: job "j" is completed'),
    ('cancelled: a=cancelled[t=active]', '[{"name":"t","status":"active"}]', 'unchanged -> 1'),
    ('active:', '[]', 'JS002 unknown step: job "j" has no step "a"')
) cases(job, tasks, outcome);

-- Arguments: the place at fault is named, the first of them, before anything else is judged.
select is(pg_temp.play('active: b=active', format('report_tasks(''w'', ''j'', ''a'', %L)', tasks)),
    'JS005 invalid argument tasks' || outcome, coalesce(left(tasks, 120), 'NULL'))
from (values
    (null, ': NULL is no JSON array'),
    ('null', ': "null" is no JSON array'),
    ('{}', ': "{}" is no JSON array'),
    ('"x"', ': ""x"" is no JSON array'),
    ('[1]', '[0]: "1" is no JSON object'),
    ('[{"name":"t"},null]', '[1]: "null" is no JSON object'),
    ('[[{"name":"t"}]]', '[0]: "[{"name":"t"}]" is no JSON object'),
    ('[{}]', '[0].name: NULL is no name'),
    ('[{"status":"active"}]', '[0].name: NULL is no name'),
    ('[{"name":null}]', '[0].name: NULL is no name'),
    ('[{"name":7}]', '[0].name: "7" is no string'),
    ('[{"name":""}]', '[0].name: "" is no name: one is not empty, . or .., and has no slash or control character'),
    ('[{"name":"a/b"}]',
        '[0].name: "a/b" is no name: one is not empty, . or .., and has no slash or control character'),
    ('[{"name":"a\u000ab"}]', '[0].name: "a' || e'\n' ||
        'b" is no name: one is not empty, . or .., and has no slash or '
        'control character'),
    (format('[{"name":"%s"}]', repeat('é', 256)),
        format('[0].name: "%s…" is longer than 255 characters', repeat('é', 100))),
    ('[{"name":"\u0000"}]',
        '[0].name: ""\u0000"" has an escape of NUL or of half a surrogate pair, which no text can hold'),
    ('[{"name":"x\ud83d"}]',
        '[0].name: ""x\ud83d"" has an escape of NUL or of half a surrogate pair, which no text can hold'),
    ('[{"name":"t"},{"name":"u"},{"name":"t"}]', '[2].name: "t" is there twice'),
    ('[{"name":"t"},{"name":"\u0074"},{"name":""}]', '[1].name: "t" is there twice'),
    ('[{"name":"t"},{"name":""},{"name":"t"}]',
        '[1].name: "" is no name: one is not empty, . or .., and has no slash or control character'),
    ('[{"name":"t","state":"active"}]', '[0]: "state" is no key of a task'),
    ('[{"name":"t","Name":"t"}]', '[0]: "Name" is no key of a task'),
    ('[{"name":"t","":"t"}]', '[0]: "" is no key of a task'),
    ('[{"name":"t","\u0000":"t"}]', '[0]: "\u0000" is no key of a task'),
    ('[{"name":"t","id":null}]', '[0]: "id" is no key of a task'),
    ('[{"name":"t","name":"t"}]', '[0]: "{"name":"t","name":"t"}" has a key twice'),
    ('[{"name":"t","n\u0061me":"t"}]', '[0]: "{"name":"t","n\u0061me":"t"}" has a key twice'),
    ('[{"name":"t","status":null,"status":null}]', '[0]: "{"name":"t","status":null,"status":null}" has a key twice'),
    ('[{"name":"t","status":"running"}]', '[0].status: "running" is no status'),
    ('[{"name":"t","status":""}]', '[0].status: "" is no status'),
    ('[{"name":"t","status":1}]', '[0].status: "1" is no string'),
    ('[{"name":"t","status":{}}]', '[0].status: "{}" is no string'),
    ('[{"name":"t","status":"\udead"}]',
        '[0].status: ""\udead"" has an escape of NUL or of half a surrogate pair, which no text can hold'),
    ('[{"name":"t","status_details":[]}]', '[0].status_details: "[]" is no JSON object'),
    ('[{"name":"t","status_details":"{}"}]', '[0].status_details: ""{}"" is no JSON object'),
    ('[{"name":"t","error_details":1}]', '[0].error_details: "1" is no JSON object'),
    ('[{"name":"t","error_details":"\u0000"}]', '[0].error_details: ""\u0000"" is no JSON object'),
    ('[{"name":"t","error_stack":["at main"]}]', '[0].error_stack: "["at main"]" is no string'),
    ('[{"name":"t","error_stack":"\u0000"}]',
        '[0].error_stack: ""\u0000"" has an escape of NUL or of half a surrogate pair, which no text can hold'),
    ((select format('[%s,3]', string_agg(format('{"name":"t%s"}', n), ',' order by n)) from generate_series(0, 999) n),
        '[1000]: "3" is no JSON object')
) cases(tasks, outcome);

-- Details and stacks.
select pg_temp.given('active: a=active[t=active]') \g /dev/null
update jobstatus.tasks set status_details = '{"x":1}', error_details = '{"e":1}', error_stack = 'old'
    where workspace = 'w' and job_id = 'id of j';
set session authorization writer;
select is(jobstatus.report_tasks('w', 'j', 'a', '[
    {"name": "u", "status_details": {"x":2,"z":"\u0000"}, "error_details": {"f":"\ud800"},
        "error_stack": "at \u00fc\n"},
    {"name": "t", "status_details": {"x":3,"y":1}, "error_details": {}, "error_stack": ""},
    {"name": "v", "error_stack": ""}]'), 3, 'three tasks with details');
reset session authorization;
select results_eq($$
    select position, name, status_details::text, error_details::text, error_stack, id like 'task-%' from jobstatus.tasks
    where workspace = 'w' and job_id = 'id of j' order by position $$, $$ values
        (0, 't', '{"x": 3, "y": 1}', '{"e":1}', 'old', false),
        (1, 'u', '{"x":2,"z":"\u0000"}', '{"f":"\ud800"}', e'at ü\n', true),
        (2, 'v', '{}', '{}', null, true) $$, 'each with its own');
select is(status_details::text, '{"x": 3, "z": "\u0000", "y": 1}', 'the job has them all, one after the other')
    from jobstatus.jobs where workspace = 'w' and name = 'j';
select throws_ok($$ select jobstatus.report_tasks('w', 'j', 'a', '[{"name":"n","status_details":{"bad":1}},
    {"name":"t","status":"created"}]') $$, 'JS004',
        'illegal transition: tasks[1] "t" from active to created', 'one bad task');
select is(status_details::text, '{"x": 3, "z": "\u0000", "y": 1}', 'refuses the details of all')
    from jobstatus.jobs where workspace = 'w' and name = 'j';

-- It is what report_task does to each.
select is(pg_temp.play('active: a=active', format('report_tasks(''w'', ''j'', ''a'', %L)',
        (select json_agg(json_build_object('name', 't' || n)) from generate_series(1, 1000) n))),
    'active: a=active[' || (select string_agg(format('t%s=pending', n), ' ' order by n) from generate_series(1, 1000) n)
        || '] -> 1000', '1,000 tasks');
update jobstatus.jobs set status = 'cancelled' where workspace = 'w' and name = 'j';
set session authorization writer;
select is(jobstatus.report_tasks('w', 'j', 'a', '[{"name":"t7","status_details":{"late":1},"error_stack":"late"}]'), 1,
    'details may come after the end');
reset session authorization;
select is(concat_ws(' ', t.status, t.status_details, t.error_stack, j.status_details),
    'pending {"late":1} late {"late":1}', 'they are there, in the job, too')
    from jobstatus.tasks t join jobstatus.jobs j on j.workspace = t.workspace and j.id = t.job_id
    where j.workspace = 'w' and j.name = 'j' and t.name = 't7';

select * from finish();
rollback;
