-- jobstatus: sample jobs, to look at and to test with.
--
--     psql -f sql/demo.sql
--
-- Makes its jobs anew each time, the same but for their revisions; touches no others. Every row gives its
-- times, and no job's updated_at is older than what is below it.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local client_min_messages = warning;

delete from jobstatus.jobs where (workspace, id) in (
    values ('default', 'job-9f8b7c6d-1234-4e56-8a9b-0c1d2e3f4a5b'))
    or workspace in ('default', 'research', 'évaluation') and id like 'job-demo-%';

-- The example of the contract, to the letter.
insert into jobstatus.jobs
    (workspace, name, id, status, status_details, created_at, updated_at)
values
    ('default', 'data-import-2024-06-01', 'job-9f8b7c6d-1234-4e56-8a9b-0c1d2e3f4a5b', 'active',
        '{"progress": "45%", "current_step": "validating data"}',
        '2024-06-01T08:00:00Z', '2024-06-01T08:10:00Z');
insert into jobstatus.steps
    (workspace, job_id, position, id, name, status, status_details, created_at, updated_at)
values
    ('default', 'job-9f8b7c6d-1234-4e56-8a9b-0c1d2e3f4a5b', 0,
        'step-1a2b3c4d-5678-4e90-b123-456789abcdef', 'extract', 'completed',
        '{"records_extracted": 15000}', '2024-06-01T08:00:00Z', '2024-06-01T08:02:00Z'),
    ('default', 'job-9f8b7c6d-1234-4e56-8a9b-0c1d2e3f4a5b', 1,
        'step-5f6e7d8c-9012-4b34-9cde-123456789abc', 'validate', 'active',
        '{"records_validated": 7000, "errors_found": 3}',
        '2024-06-01T08:03:00Z', '2024-06-01T08:10:00Z');
insert into jobstatus.tasks
    (workspace, job_id, step_position, position, id, name, status, status_details, created_at,
        updated_at)
values
    ('default', 'job-9f8b7c6d-1234-4e56-8a9b-0c1d2e3f4a5b', 0, 0,
        'task-abc123ef-4567-890a-bcde-f1234567890a', 'extract-from-source', 'completed',
        '{"duration_seconds": 120}', '2024-06-01T08:00:00Z', '2024-06-01T08:02:00Z'),
    ('default', 'job-9f8b7c6d-1234-4e56-8a9b-0c1d2e3f4a5b', 1, 0,
        'task-def456gh-7890-1234-ijkl-mnopqrstuvwx', 'validate-schema', 'active',
        '{"current_record": 7000}', '2024-06-01T08:03:00Z', '2024-06-01T08:10:00Z');

-- A job in each status, with a step of two tasks that suit it.
insert into jobstatus.jobs
    (workspace, name, id, status, status_details, error_details, created_at, updated_at)
select 'default', 'sample-' || status, 'job-demo-' || status, status, '{"source": "demo"}',
    case when status = 'error' then '{"message": "a step failed"}' else '{}' end::json,
    timestamptz '2024-06-02T09:00:00Z', timestamptz '2024-06-02T09:30:00.5Z'
from unnest(array['created', 'pending', 'active', 'cancelled', 'cancelling', 'error', 'completed',
    'paused', 'pausing', 'resuming']) as status;
insert into jobstatus.steps
    (workspace, job_id, position, id, name, status, created_at, updated_at)
select workspace, id, 0, 'step-demo-' || status, 'train', status, created_at, updated_at
from jobstatus.jobs where workspace = 'default' and name like 'sample-%' and id like 'job-demo-%';
insert into jobstatus.tasks
    (workspace, job_id, step_position, position, id, name, status, created_at, updated_at)
select workspace, job_id, 0, i, 'task-demo-' || status || '-' || i, 'rank-' || i, status, created_at,
    updated_at - interval '1 minute' * (1 - i)
from jobstatus.steps, generate_series(0, 1) as i
where workspace = 'default' and id like 'step-demo-%' and status <> 'created';

-- Failed tasks with stack traces.
insert into jobstatus.jobs (workspace, name, id, status, error_details, created_at, updated_at) values
    ('research', 'finetune-llm', 'job-demo-finetune', 'error',
        '{"message": "2 of 3 tasks failed", "retryable": true}',
        '2024-06-03T10:00:00Z', '2024-06-03T12:17:08.25Z');
insert into jobstatus.steps
    (workspace, job_id, position, id, name, status, error_details, created_at, updated_at)
values
    ('research', 'job-demo-finetune', 0, 'step-demo-finetune', 'train', 'error',
        '{"failed_tasks": ["rank-1", "rank-2"]}',
        '2024-06-03T10:00:01Z', '2024-06-03T12:17:08.25Z');
insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status,
    status_details, error_details, error_stack, created_at, updated_at)
values
    ('research', 'job-demo-finetune', 0, 0, 'task-demo-finetune-0', 'rank-0', 'cancelled',
        '{"epoch": 3, "loss": 1.7320508}', '{}', null,
        '2024-06-03T10:00:02Z', '2024-06-03T12:17:08Z'),
    ('research', 'job-demo-finetune', 0, 1, 'task-demo-finetune-1', 'rank-1', 'error',
        '{"epoch": 3}', '{"type": "OutOfMemoryError", "bytes": 17179869184}',
        E'Traceback (most recent call last):\n  File "train.py", line 214, in step\n'
        '    loss.backward()\nOutOfMemoryError: tried to allocate 16.00 GiB',
        '2024-06-03T10:00:02Z', '2024-06-03T12:17:05.123456Z'),
    ('research', 'job-demo-finetune', 0, 2, 'task-demo-finetune-2', 'rank-2', 'error',
        '{"epoch": 3}', '{"type": "ConnectionError", "peer": "rank-1"}',
        E'Traceback (most recent call last):\n  File "train.py", line 188, in all_reduce\n'
        'ConnectionError: "rank-1" closed the connection',
        '2024-06-03T10:00:02Z', '2024-06-03T12:17:06Z');

-- Hundreds of tasks.
insert into jobstatus.jobs (workspace, name, id, status, status_details, created_at, updated_at) values
    ('research', 'evaluate-checkpoints', 'job-demo-evaluate', 'active', '{"progress": 0.5}',
        '2024-06-04T08:00:00Z', '2024-06-04T10:01:39Z');
insert into jobstatus.steps
    (workspace, job_id, position, id, name, status, created_at, updated_at)
select 'research', 'job-demo-evaluate', s, 'step-demo-evaluate-' || s, 'shard-' || s,
    case when s < 2 then 'completed' when s = 2 then 'active' else 'created' end,
    timestamptz '2024-06-04T08:00:00Z',
    timestamptz '2024-06-04T08:00:00Z'
        + case when s < 3 then interval '1 hour' * s + interval '99 seconds' else interval '0' end
from generate_series(0, 3) as s;
insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status,
    status_details, created_at, updated_at)
select workspace, job_id, s.position, i, 'task-demo-evaluate-' || s.position || '-' || i,
    'checkpoint-' || i, s.status, json_build_object('accuracy', round((i % 97) / 97.0, 4)),
    s.created_at, s.updated_at - interval '1 second' * (99 - i)
from jobstatus.steps s, generate_series(0, 99) as i
where workspace = 'research' and job_id = 'job-demo-evaluate' and s.position < 3;
insert into jobstatus.tasks
    (workspace, job_id, step_position, position, id, name, status, created_at, updated_at)
select 'research', 'job-demo-evaluate', 3, i, 'task-demo-evaluate-3-' || i, 'checkpoint-' || i,
    'created', timestamptz '2024-06-04T08:00:00Z', timestamptz '2024-06-04T08:00:00Z'
from generate_series(0, 99) as i;

-- No steps; a step without tasks; an earlier attempt that is not shown.
insert into jobstatus.jobs (workspace, name, id, attempt, status, created_at, updated_at) values
    ('default', 'no-steps', 'job-demo-no-steps', 0, 'created',
        '2024-06-05T07:00:00Z', '2024-06-05T07:00:00Z'),
    ('default', 'no-tasks', 'job-demo-no-tasks', 0, 'pending',
        '2024-06-05T07:00:00Z', '2024-06-05T07:00:01Z'),
    ('default', 'second-attempt', 'job-demo-second-attempt', 1, 'active',
        '2024-06-05T07:00:00Z', '2024-06-05T07:20:00Z');
insert into jobstatus.steps
    (workspace, job_id, attempt, position, id, name, status, created_at, updated_at)
values
    ('default', 'job-demo-no-tasks', 0, 0, 'step-demo-no-tasks', 'wait', 'pending',
        '2024-06-05T07:00:01Z', '2024-06-05T07:00:01Z'),
    ('default', 'job-demo-second-attempt', 0, 0, 'step-demo-first-attempt', 'train', 'error',
        '2024-06-05T07:00:00Z', '2024-06-05T07:10:00Z'),
    ('default', 'job-demo-second-attempt', 1, 0, 'step-demo-second-attempt', 'train', 'active',
        '2024-06-05T07:15:00Z', '2024-06-05T07:20:00Z');

-- Text of every kind, and numbers that no machine type holds.
insert into jobstatus.jobs (workspace, name, id, status, status_details, created_at, updated_at) values
    ('évaluation', 'tâche "α" + 100% 🚀', 'job-demo-unicode', 'active',
        ('{"line separator": "' || chr(8232) || '", "nul": "\u0000", "rocket": "🚀",
          "escaped": "\ud83d\ude80", "big": 1234567890123456789012345678901234567890,
          "huge": 1e400, "zero": -0.0, "twice": 1, "twice": 2}')::json,
        '1969-07-20T20:17:40Z', '2038-01-19T03:14:08.000001Z');
insert into jobstatus.steps
    (workspace, job_id, position, id, name, status, created_at, updated_at)
values
    ('évaluation', 'job-demo-unicode', 0, 'step-demo-"unicode"', 'Schritt „1“ \ 評価', 'active',
        '1969-07-20T20:17:40Z', '2038-01-19T03:14:08.000001Z');
insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status,
    error_details, error_stack, created_at, updated_at)
values
    ('évaluation', 'job-demo-unicode', 0, 0, 'task-demo-unicode', 'O''Brien & <Söhne>', 'error',
        '{"\u0000": "\"", "👩‍🔬": []}', E'\t"quoted"\r\n\\ \u2028 \U0001F600',
        '1969-07-20T20:17:40Z', '2038-01-19T03:14:08Z');

-- A job for the demonstration's loop to move.
insert into jobstatus.jobs (workspace, name, id, status, status_details, created_at, updated_at) values
    ('default', 'moving-target', 'job-demo-moving', 'active', '{"progress": "0%"}',
        '2024-06-06T06:00:00Z', '2024-06-06T06:00:00Z');
insert into jobstatus.steps
    (workspace, job_id, position, id, name, status, created_at, updated_at)
values
    ('default', 'job-demo-moving', 0, 'step-demo-moving', 'count', 'active',
        '2024-06-06T06:00:00Z', '2024-06-06T06:00:00Z');
insert into jobstatus.tasks
    (workspace, job_id, step_position, position, id, name, status, created_at, updated_at)
values
    ('default', 'job-demo-moving', 0, 0, 'task-demo-moving', 'counter', 'active',
        '2024-06-06T06:00:00Z', '2024-06-06T06:00:00Z');

commit;
