-- Each function called by the names of its arguments, in another order than theirs.
begin;
select plan(12);
set session authorization writer;

select is(concat_ws(' ', r.workspace, r.name, r.id, r.status), 'w j my id created', 'create_job')
    from jobstatus.create_job(id => 'my id', steps => '{extract,load}', name => 'j', workspace => 'w') r;
select is(concat_ws(' ', r.position, r.name, r.status, r.status_details, r.error_details),
        '1 load active {"a":1} {"e":1}', 'report_step')
    from jobstatus.report_step(error_details => '{"e":1}', status_details => '{"a":1}', status => 'active',
        step => 'load', job => 'j', workspace => 'w') r;
select is(concat_ws(' ', r.name, r.status, r.status_details, r.error_details, r.error_stack),
        'part error {"a":2} {"e":2} stack', 'report_task')
    from jobstatus.report_task(error_stack => 'stack', error_details => '{"e":2}', status_details => '{"a":2}',
        status => 'error', task => 'part', step => 'load', job => 'j', workspace => 'w') r;
select is(r.name, 'defaults', 'report_task without what may be left out')
    from jobstatus.report_task(task => 'defaults', step => 'load', job => 'j', workspace => 'w') r;
select is(jobstatus.report_tasks(tasks => '[{"name":"rest"}]', step => 'load', job => 'j', workspace => 'w'), 1,
    'report_tasks');
select is(r.status_details::text, '{"a": 2, "b": 3}', 'report_job_details')
    from jobstatus.report_job_details(status_details => '{"b":3}', job => 'j', workspace => 'w') r;
select is(r.status, 'pausing', 'pause_job') from jobstatus.pause_job(job => 'j', workspace => 'w') r;
select jobstatus.report_step(status => 'paused', step => 'load', job => 'j', workspace => 'w') \g /dev/null
select is(r.status, 'resuming', 'resume_job') from jobstatus.resume_job(job => 'j', workspace => 'w') r;
select is(r.status, 'cancelling', 'cancel_job') from jobstatus.cancel_job(job => 'j', workspace => 'w') r;
select jobstatus.report_step(status => 'error', step => 'load', job => 'j', workspace => 'w') \g /dev/null
select is(concat_ws(' ', r.status, r.attempt), 'created 1', 'rerun_job')
    from jobstatus.rerun_job(job => 'j', workspace => 'w') r;
select is(r.id, 'my id', 'delete_job') from jobstatus.delete_job(job => 'j', workspace => 'w') r;
select jobstatus.create_job(name => 'k', workspace => 'w') \g /dev/null
select jobstatus.report_step(status => 'active', step => 's', job => 'k', workspace => 'w') \g /dev/null
select jobstatus.report_step(status => 'completed', step => 's', job => 'k', workspace => 'w') \g /dev/null
select is(r.status, 'completed', 'complete_job') from jobstatus.complete_job(job => 'k', workspace => 'w') r;

select * from finish();
rollback;
