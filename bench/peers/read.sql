-- The whole document as the database makes it, which is the least work for who passes it on.
select json_build_object('id', j.id, 'name', j.name, 'status', j.status, 'status_details', j.status_details,
    'error_details', j.error_details, 'steps', coalesce((
        select json_agg(json_build_object('id', s.id, 'name', s.name, 'status', s.status,
            'status_details', s.status_details, 'error_details', s.error_details, 'tasks', coalesce((
                select json_agg(json_build_object('id', t.id, 'name', t.name, 'status', t.status,
                    'status_details', t.status_details, 'error_details', t.error_details,
                    'error_stack', coalesce(t.error_stack, ''),
                    'created_at', to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                    'updated_at', to_char(t.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                    order by t.position)
                from jobstatus.tasks t where t.workspace = j.workspace and t.job_id = j.id and t.attempt = j.attempt
                and t.step_position = s.position), '[]'),
            'created_at', to_char(s.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'updated_at', to_char(s.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
            order by s.position)
        from jobstatus.steps s where s.workspace = j.workspace and s.job_id = j.id and s.attempt = j.attempt), '[]'),
    'created_at', to_char(j.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'updated_at', to_char(j.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text as document
from jobstatus.jobs j where j.workspace = $1 and j.name = $2
