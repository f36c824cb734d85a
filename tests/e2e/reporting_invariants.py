"""What must hold in the tables after any calls of the reporting functions, as SQL that finds what does not."""

_LEGAL = """(values ('created', '{pending,active,cancelling,cancelled,pausing,paused,error}'::text[]),
    ('pending', '{active,cancelling,cancelled,error,pausing,paused,completed}'),
    ('active', '{completed,error,cancelling,cancelled,pausing,paused}'), ('paused', '{resuming,active,cancelling}'),
    ('pausing', '{paused,error}'), ('resuming', '{pending,active,error,cancelling}'),
    ('cancelling', '{cancelled,error}')) as legal (old_status, allowed)"""

_HISTORY = """(select *, lag(new_status) over kept as previous, lag(attempt) over kept as previous_attempt,
        row_number() over kept as number from jobstatus.transitions
        window kept as (partition by workspace, job_id, step_position, task_position,
            case when step_position is not null then attempt end order by id)) as history"""

# Whoever wrote: functions, or the owner by plain SQL.
ALWAYS = {
    "a row without history, or with a status that is not the last of it": """
        with kept as (
            select j.workspace, j.id, j.attempt, null::integer as step, null::integer as task, j.status
                from jobstatus.jobs j
            union all select workspace, job_id, attempt, position, null, status from jobstatus.steps
            union all select workspace, job_id, attempt, step_position, position, status from jobstatus.tasks)
        select * from kept left join (
            select distinct on (workspace, job_id, attempt, step_position, task_position) *
                from jobstatus.transitions order by workspace, job_id, attempt, step_position, task_position, id desc
            ) as last on (last.workspace, last.job_id, last.attempt) = (kept.workspace, kept.id, kept.attempt)
                and coalesce(step_position, -1) = coalesce(step, -1)
                and coalesce(task_position, -1) = coalesce(task, -1)
            where new_status is distinct from kept.status""",
    "a transition that does not begin where the one before ended": """
        select * from %s where old_status is distinct from previous
            and not (old_status is null and (step_position is not null))""" % _HISTORY,
    "a status that stays in history": """
        select * from jobstatus.transitions where old_status = new_status and step_position is not null""",
    "time that goes back in history": """
        select * from (select *, lag(changed_at) over (partition by workspace, job_id, step_position, task_position,
            case when step_position is not null then attempt end order by id) as before from jobstatus.transitions) t
            where changed_at < before""",
    "a revision that two jobs have": """
        select revision from jobstatus.jobs group by 1 having count(*) > 1""",
}

# If the functions alone wrote.
FUNCTIONS_ONLY = {
    "a transition that the table does not have": """
        select * from %s left join %s using (old_status)
            where history.old_status is not null and not coalesce(new_status = any(allowed), false)
            and not (step_position is null and history.old_status in ('completed', 'error', 'cancelled')
                and new_status = 'created' and attempt = previous_attempt + 1)""" % (_HISTORY, _LEGAL),
    "something that came into being twice": "select * from %s where old_status is null and number > 1" % _HISTORY,
    "positions that are not 0, 1, …": """
        select workspace, job_id, attempt, null from jobstatus.steps group by 1, 2, 3
            having max(position) <> count(*) - 1
        union all select workspace, job_id, attempt, step_position from jobstatus.tasks group by 1, 2, 3, 4
            having max(position) <> count(*) - 1""",
    "attempts that are missing": """
        select workspace, id from jobstatus.jobs j where attempt + 1 <> (
            select count(distinct attempt) from jobstatus.transitions t
                where (t.workspace, t.job_id) = (j.workspace, j.id) and t.step_position is null)""",
    "steps of an attempt that has ended and goes on": """
        select s.* from jobstatus.jobs j join jobstatus.steps s on (s.workspace, s.job_id) = (j.workspace, j.id)
            where s.attempt < j.attempt and s.status = 'created' or s.attempt > j.attempt""",
    # The step that took the job along is still where it was, or has gone where the job does not follow.
    "a job whose status does not follow from its steps": """
        select * from (
            select j.workspace, j.name, j.status, coalesce(array_agg(s.status order by s.position)
                filter (where s.status is not null), '{}') as steps
                from jobstatus.jobs j left join jobstatus.steps s
                on (s.workspace, s.job_id, s.attempt) = (j.workspace, j.id, j.attempt)
                group by 1, 2, 3) as job
            where not case status
                when 'created' then steps <@ '{created,pending,completed}' and steps[1] is distinct from 'pending'
                when 'pending' then steps[1] in ('pending', 'completed')
                when 'active' then steps && '{active,completed}'
                when 'pausing' then 'pausing' = any(steps)
                when 'paused' then 'paused' = any(steps)
                when 'resuming' then steps && '{resuming,pending,completed}'
                when 'cancelling' then 'cancelling' = any(steps)
                when 'completed' then steps <@ '{completed}'
                else not 'created' = any(steps) end
            or (status = 'error') <> ('error' = any(steps))
            or 'cancelled' = any(steps) and status not in ('cancelled', 'error')""",
}


ALL = [*ALWAYS, *FUNCTIONS_ONLY]


def broken(cursor, functions_only=True):
    """What does not hold, with the rows that show it."""
    found = {}
    cursor.execute("set enable_nestloop = off")  # 10,000 rows against 10,000, whatever the planner thinks
    for name, sql in {**ALWAYS, **(FUNCTIONS_ONLY if functions_only else {})}.items():
        cursor.execute(sql)
        rows = cursor.fetchall()
        if rows:
            found[name] = rows[:3]
    cursor.execute("reset enable_nestloop")
    return found
