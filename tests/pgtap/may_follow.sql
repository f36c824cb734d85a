-- Which status may follow which: all pairs.
begin;
select plan(114);

create temporary table followers (status text, may text[]);
insert into followers values
    ('created', '{pending,active,cancelling,cancelled,pausing,paused,error}'),
    ('pending', '{active,cancelling,cancelled,error,pausing,paused,completed}'),
    ('active', '{completed,error,cancelling,cancelled,pausing,paused}'),
    ('paused', '{resuming,active,cancelling}'),
    ('pausing', '{paused,error}'),
    ('resuming', '{pending,active,error,cancelling}'),
    ('cancelling', '{cancelled,error}'),
    ('completed', '{}'),
    ('error', '{}'),
    ('cancelled', '{}');

select is(jobstatus.may_follow(new.status, old.status), new.status = old.status or new.status = any (old.may),
        format('%s, then %s', old.status, new.status))
    from followers old, followers new;
select is(jobstatus.is_terminal(status), status in ('completed', 'error', 'cancelled'), status || ': terminal or not')
    from followers;
select set_eq('select status from followers where jobstatus.is_status(status)', 'select status from followers',
    'they are all statuses');
select ok(not jobstatus.is_status(status), format('"%s" is no status', status))
    from unnest(array['', 'Active', 'running']) status;

select * from finish();
rollback;
