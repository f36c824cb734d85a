-- The whole document as the database makes it, which is the least work for who passes it on.  Of the ways tried
-- (json_build_object(), to_char(), the tasks of all steps in one scan) the one that costs the database least.
select row_to_json(document)::text
from (
    select job.id, job.name, job.status, job.status_details, job.error_details, below.steps, job.created_at,
        greatest(job.updated_at, below.updated_at) as updated_at
    from jobstatus.jobs as job cross join lateral (
        select coalesce(json_agg(step), '[]') as steps, max(step.updated_at) as updated_at
        from (
            select step.id, step.name, step.status, step.status_details, step.error_details, below.tasks, step.created_at,
                greatest(step.updated_at, below.updated_at) as updated_at
            from jobstatus.steps as step cross join lateral (
                select coalesce(json_agg(task), '[]') as tasks, max(task.updated_at) as updated_at
                from (
                    select id, name, status, status_details, error_details, coalesce(error_stack, '') as error_stack,
                        created_at, updated_at
                    from jobstatus.tasks
                    where workspace = step.workspace and job_id = step.job_id and attempt = step.attempt
                        and step_position = step.position
                    order by position
                ) as task
            ) as below
            where step.workspace = job.workspace and step.job_id = job.id and step.attempt = job.attempt
            order by step.position
        ) as step
    ) as below
    where job.workspace = $1 and job.name = $2
) as document
