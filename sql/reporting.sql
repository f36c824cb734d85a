-- jobstatus: the functions by which statuses are reported.
--
--     psql -f sql/reporting.sql
--
-- After schema.sql and roles.sql, and again after every upgrade of them. Grant jobstatus_writer to the users
-- that report; it may execute these functions and nothing else. Each function is one step that happens whole
-- or not at all, locks the job's row first, then steps, then tasks, and returns the row that it changed.
--
-- SQLSTATEs: JS001 unknown job, JS002 unknown step, JS003 name taken, JS004 illegal transition, JS005 invalid
-- argument. Arguments are judged before the job, the job before the step, the step before a transition.
--
-- What is new gets the time at which the job's lock was held, not that at which the transaction began, which may be
-- older than what others have reported meanwhile.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local client_min_messages = warning;
-- One installation at a time, as in schema.sql.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('jobstatus.schema')) \g /dev/null

do $$
begin
    if (select max(version) from jobstatus.schema_version) <> 4 then
        raise exception 'jobstatus: this file belongs to version 4 of the schema'
            using hint = 'Run schema.sql and roles.sql of the same release first.';
    end if;
end
$$;

-- Arguments ----------------------------------------------------------------------------------------------

create or replace function jobstatus.refuse_argument(argument text, value text, reason text) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'JS005', message = format('invalid argument %s: %s %s', argument,
        coalesce('"' || left(value, 100) || case when length(value) > 100 then '…' else '' end || '"',
            'NULL'), reason);
end
$$;

-- Names come as pairs of argument and value.
create or replace function jobstatus.check_names(variadic pairs text[]) returns void
    language plpgsql as $$
begin
    for i in 1 .. cardinality(pairs) by 2 loop
        if jobstatus.is_name(pairs[i + 1]) is not true then
            perform jobstatus.refuse_argument(pairs[i], pairs[i + 1], case
                when pairs[i + 1] is null then 'is no name'
                when length(pairs[i + 1]) > 255 then 'is longer than 255 characters'
                else 'is no name: one is not empty, . or .., and has no slash or control character' end);
        end if;
    end loop;
end
$$;

create or replace function jobstatus.check_report(place text, status text, status_details json,
        error_details json) returns void
    language plpgsql as $$
begin
    if not jobstatus.is_status(status) then
        perform jobstatus.refuse_argument(place || 'status', status, 'is no status');
    elsif json_typeof(status_details) <> 'object' then
        perform jobstatus.refuse_argument(place || 'status_details', status_details::text,
            'is no JSON object');
    elsif json_typeof(error_details) <> 'object' then
        perform jobstatus.refuse_argument(place || 'error_details', error_details::text,
            'is no JSON object');
    end if;
end
$$;

-- Transitions ----------------------------------------------------------------------------------------------

create or replace function jobstatus.is_terminal(status text) returns boolean
    language sql immutable parallel safe
    return status in ('completed', 'error', 'cancelled');

-- Whether a status may follow another one; every status may follow itself.
create or replace function jobstatus.may_follow(new_status text, old_status text) returns boolean
    language sql immutable parallel safe
    return new_status = old_status or case old_status
        when 'created' then new_status in ('pending', 'active', 'cancelling', 'cancelled', 'pausing',
            'paused', 'error')
        when 'pending' then new_status in ('active', 'cancelling', 'cancelled', 'error', 'pausing',
            'paused', 'completed')
        when 'active' then new_status in ('completed', 'error', 'cancelling', 'cancelled', 'pausing',
            'paused')
        when 'paused' then new_status in ('resuming', 'active', 'cancelling')
        when 'pausing' then new_status in ('paused', 'error')
        when 'resuming' then new_status in ('pending', 'active', 'error', 'cancelling')
        when 'cancelling' then new_status in ('cancelled', 'error')
        else false end;

-- REASON says more than the two statuses do, or is NULL.
create or replace function jobstatus.refuse_transition(what text, name text, old_status text,
        new_status text, reason text default null) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'JS004', message = format('illegal transition: %s "%s" from %s to %s%s',
        what, name, coalesce(old_status, 'nothing'), new_status, ': ' || reason);
end
$$;

-- Judges a status that is reported of something below a job; OLD_STATUS is NULL for what is new.
create or replace function jobstatus.check_below(job jobstatus.jobs, what text, name text, old_status text,
        new_status text) returns void
    language plpgsql as $$
begin
    if new_status = old_status then
        return;
    elsif jobstatus.is_terminal(job.status) then
        perform jobstatus.refuse_transition(what, name, old_status, new_status,
            format('job "%s" is %s', job.name, job.status));
    elsif not jobstatus.may_follow(new_status, old_status) then
        perform jobstatus.refuse_transition(what, name, old_status, new_status);
    end if;
end
$$;

-- Details ----------------------------------------------------------------------------------------------------

-- Whether a JSON object has no member.
create or replace function jobstatus.is_empty(object json) returns boolean
    language sql immutable parallel safe
    return object::text ~ '^[[:space:]]*[{][[:space:]]*[}]';

-- A key of a JSON object as a text that equals that of another way to write the same key. What no text can
-- hold, \u0000 and halves of surrogate pairs, stays an escape, and a backslash is doubled.
create or replace function jobstatus.key_of(token text) returns text
    language sql immutable parallel safe
begin atomic
    select case when pg_catalog.strpos(token, '\') = 0
        then pg_catalog.substr(token, 2, pg_catalog.length(token) - 2)
        else (select coalesce(pg_catalog.string_agg(case
                when piece[1] is not null then ('"' || piece[1] || '"')::json #>> '{}'
                when piece[2] ~* '^\\u(0000|d[89a-f]..)$' then pg_catalog.lower(piece[2])
                when piece[2] is not null then pg_catalog.replace(('"' || piece[2] || '"')::json #>> '{}', '\', '\\')
                else piece[3] end, '' order by n), '')
            from pg_catalog.regexp_matches(pg_catalog.substr(token, 2, pg_catalog.length(token) - 2),
                '(\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2})|(\\u[0-9A-Fa-f]{4}|\\.)|([^\\]+)',
                'g') with ordinality as pieces(piece, n)) end;
end;

-- The members of a JSON object in stored order: their keys, the keys and the values as they are written.
-- json_each() is quick, but refuses an object with \u0000 or half a surrogate pair anywhere in it; such a
-- one is cut by its tokens.
create or replace function jobstatus.has_escape(object json) returns boolean
    language sql immutable parallel safe
    return strpos(object::text, '\u') > 0;

create or replace function jobstatus.plain_members(object json)
    returns table (key text, written text, value text)
    language sql immutable
begin atomic
    select replace(m.key, '\', '\\'), to_json(m.key)::text, m.value::text from json_each(object) m;
end;

create or replace function jobstatus.cut_members(object json)
    returns table (key text, written text, value text)
    language sql immutable
begin atomic
    with tokens as (
        select n, t[1] as token,
            sum(case when t[1] in ('{', '[') then 1 when t[1] in ('}', ']') then -1 else 0 end)
                over (order by n) as depth
        from regexp_matches(object::text, '("(?:[^"\\]|\\.)*"|[][{}:,]|[^][{}:,"]+)', 'g')
            with ordinality as pieces(t, n)
    ), places as (
        -- Commas and colons of the object itself, so far: the value follows the member's colon.
        select n, token, count(*) filter (where depth = 1 and token = ',') over (order by n) as commas,
            count(*) filter (where depth = 1 and token = ':') over (order by n) as colons
        from tokens
        where not (depth = 1 and token = '{') and depth > 0
    ), cut as (
        select commas, min(token) filter (where colons = commas and token like '"%') as written,
            string_agg(token, '' order by n) filter (where colons > commas) as value
        from places group by commas
    )
    select jobstatus.key_of(c.written), c.written, btrim(substr(c.value, 2), E' \t\n\r')
    from cut c where c.written is not null order by c.commas;
end;

create or replace function jobstatus.members(object json)
    returns table (key text, written text, value text)
    language plpgsql immutable strict as $$
begin
    if jobstatus.has_escape(object) then
        return query select m.* from jobstatus.cut_members(object) m;
    else
        return query select m.* from jobstatus.plain_members(object) m;
    end if;
end
$$;

-- OBJECT with the members of each of UPDATES, one after the other: a key that is there takes the new value, a
-- new one comes last. NULL and {} change nothing; where no value differs OBJECT itself is returned, and where it
-- has no member the update as it is.
create or replace function jobstatus.merge(object json, variadic updates json[]) returns json
    language plpgsql immutable as $$
declare
    -- json_each() itself will do, which costs a third less than members() does.
    plain boolean := not (jobstatus.has_escape(object) or jobstatus.has_escape(array_to_json(updates)));
    keys text[];
    written text[];
    stored text[];
    texts text[];
    one json;
    new_keys text[];
    new_written text[];
    new_values text[];
    places integer[];
    place integer;
begin
    if plain and cardinality(updates) > 1 then
        for i in 1 .. cardinality(updates) loop
            exit when not jobstatus.is_empty(object);
            if not jobstatus.is_empty(updates[i]) then
                object := updates[i];
            end if;
            updates[i] := null;
        end loop;
        -- Thousands come down to the last value of each key, in the order in which the keys came.
        select array[('{' || string_agg(to_json(l.key)::text || ': ' || l.value, ', ' order by l.first) || '}')::json]
            into updates
            from (select m.key, (array_agg(m.value::text order by o.n desc, m.n desc))[1] as value,
                    min(array[o.n, m.n]) as first
                from unnest(updates) with ordinality o(value, n)
                cross join lateral json_each(o.value) with ordinality m(key, value, n)
                group by m.key) l;
    end if;
    foreach one in array updates loop
        continue when one is null or jobstatus.is_empty(one);
        if keys is null then
            if jobstatus.is_empty(object) then
                object := one;
                continue;
            end if;
            if plain then
                select array_agg(m.key), array_agg(m.value::text) into keys, stored from json_each(object) m;
            else
                select array_agg(m.key), array_agg(m.written), array_agg(m.value)
                    into keys, written, stored from jobstatus.members(object) m;
            end if;
            texts := stored;
        end if;
        if plain then
            select array_agg(m.key), array_agg(m.value::text) into new_keys, new_values from json_each(one) m;
        else
            select array_agg(m.key), array_agg(m.written), array_agg(m.value)
                into new_keys, new_written, new_values from jobstatus.members(one) m;
        end if;
        for i in 1 .. cardinality(new_keys) loop
            -- Of a key that is stored twice the last one counts.
            places := array_positions(keys, new_keys[i]);
            place := places[cardinality(places)];
            if place is null then
                place := cardinality(keys) + 1;
                keys[place] := new_keys[i];
                written[place] := new_written[i];
            end if;
            texts[place] := new_values[i];
        end loop;
    end loop;
    if texts is not distinct from stored then
        return object;
    end if;
    for i in 1 .. cardinality(keys) loop
        texts[i] := coalesce(written[i], to_json(keys[i])::text) || ': ' || texts[i];
    end loop;
    return '{' || array_to_string(texts, ', ') || '}';
end
$$;

-- What replaces DETAILS: nothing does when there is nothing.
create or replace function jobstatus.replace_details(details json, new_details json) returns json
    language sql immutable parallel safe
    return case when not jobstatus.is_empty(new_details) then new_details else details end;

-- Jobs --------------------------------------------------------------------------------------------------------

-- The job, locked. One that is not there is looked for again: it may have been deleted and made anew while
-- its lock was waited for.
create or replace function jobstatus.lock_job(workspace text, job text) returns jobstatus.jobs
    language plpgsql as $$
declare
    found_job jobstatus.jobs;
begin
    for i in 1 .. 2 loop
        select j.* into found_job from jobstatus.jobs j
            where j.workspace = lock_job.workspace and j.name = lock_job.job for no key update;
        if found then
            return found_job;
        end if;
    end loop;
    raise exception using errcode = 'JS001',
        message = format('unknown job: workspace "%s" has no job "%s"', workspace, job);
end
$$;

-- The job with another status, if it may have it. When it ends, so do its steps that have not begun.
create or replace function jobstatus.set_status(job jobstatus.jobs, status text, error_details json default null)
    returns jobstatus.jobs
    language plpgsql as $$
begin
    if not jobstatus.may_follow(status, job.status) then
        perform jobstatus.refuse_transition('job', job.name, job.status, status);
    end if;
    if status = job.status then
        select j.* into job from jobstatus.jobs j where j.workspace = job.workspace and j.id = job.id;
        return job;
    end if;
    if jobstatus.is_terminal(status) then
        update jobstatus.steps s set status = 'cancelled'
            where s.workspace = job.workspace and s.job_id = job.id and s.attempt = job.attempt
            and s.status = 'created';
    end if;
    update jobstatus.jobs j set status = set_status.status,
            error_details = coalesce(set_status.error_details, j.error_details)
        where j.workspace = job.workspace and j.id = job.id
        returning j.* into job;
    return job;
end
$$;

-- What a step's new status makes of the job's.
create or replace function jobstatus.carry_status(job jobstatus.jobs, step jobstatus.steps) returns void
    language plpgsql as $$
declare
    target text := step.status;
begin
    case step.status
    when 'created' then
        return;
    when 'pending' then
        if exists (select from jobstatus.steps s
                where s.workspace = job.workspace and s.job_id = job.id and s.attempt = job.attempt
                and s.position < step.position) then
            return;
        end if;
    when 'completed' then
        if not step.declared or exists (select from jobstatus.steps s
                where s.workspace = job.workspace and s.job_id = job.id and s.attempt = job.attempt
                and (s.status <> 'completed' or s.declared and s.position > step.position)) then
            return;
        end if;
    else
        null;
    end case;
    perform jobstatus.set_status(job, target, case target when 'error' then step.error_details end);
end
$$;

-- The step by which a job is cancelled or paused: the newest that is under way.
create or replace function jobstatus.step_under_way(job jobstatus.jobs) returns jobstatus.steps
    language plpgsql stable as $$
declare
    step jobstatus.steps;
begin
    select s.* into step from jobstatus.steps s
        where s.workspace = job.workspace and s.job_id = job.id and s.attempt = job.attempt
        and s.status not in ('created', 'completed', 'error', 'cancelled')
        order by s.position desc limit 1;
    return step;
end
$$;

-- Moves a step and its job to a status, if both may have it.
create or replace function jobstatus.move_both(job jobstatus.jobs, step jobstatus.steps, status text)
    returns jobstatus.jobs
    language plpgsql as $$
begin
    perform jobstatus.check_below(job, 'step', step.name, step.status, status);
    if step.status <> status then
        update jobstatus.steps s set status = move_both.status
            where s.workspace = step.workspace and s.job_id = step.job_id and s.attempt = step.attempt
            and s.position = step.position;
    end if;
    return jobstatus.set_status(job, status);
end
$$;

create or replace function jobstatus.create_job(workspace text, name text, steps text[] default '{}',
        id text default null) returns jobstatus.jobs
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    job jobstatus.jobs;
    job_id text := coalesce(id, 'job-' || gen_random_uuid());
    step_name text;
    step_id text;
    seen text[] := '{}';
    moment timestamptz;
begin
    perform jobstatus.check_names('workspace', workspace, 'name', name);
    if length(job_id) not between 1 and 255 then
        perform jobstatus.refuse_argument('id', id, 'has not 1 to 255 characters');
    elsif steps is null then
        perform jobstatus.refuse_argument('steps', null, 'is no array');
    elsif array_ndims(steps) > 1 then
        perform jobstatus.refuse_argument('steps', steps::text, 'has more than one dimension');
    end if;
    foreach step_name in array steps loop
        perform jobstatus.check_names(format('steps[%s]', cardinality(seen)), step_name);
        if step_name = any (seen) then
            perform jobstatus.refuse_argument(format('steps[%s]', cardinality(seen)), step_name,
                'is there twice');
        end if;
        seen := seen || step_name;
    end loop;
    loop
        moment := clock_timestamp();
        insert into jobstatus.jobs as j (workspace, name, id, status, created_at, updated_at)
            values (create_job.workspace, create_job.name, job_id, 'created', moment, moment)
            on conflict do nothing returning j.* into job;
        exit when found;
        if exists (select from jobstatus.jobs j
                where j.workspace = create_job.workspace and j.name = create_job.name) then
            raise exception using errcode = 'JS003',
                message = format('name taken: workspace "%s" has a job "%s"', workspace, name);
        elsif exists (select from jobstatus.jobs j
                where j.workspace = create_job.workspace and j.id = job_id) then
            raise exception using errcode = 'JS003',
                message = format('name taken: workspace "%s" has a job with the id "%s"', workspace, job_id);
        end if;
        -- What was in the way is gone by now.
    end loop;
    for i in 1 .. cardinality(seen) loop
        step_id := 'step-' || gen_random_uuid();
        insert into jobstatus.steps (workspace, job_id, position, id, name, status, created_at, updated_at)
            values (job.workspace, job.id, i - 1, step_id, seen[i], 'created', moment, moment);
    end loop;
    -- With the revision that its steps have given it.
    select j.* into job from jobstatus.jobs j where j.workspace = job.workspace and j.id = job.id;
    return job;
end
$$;

create or replace function jobstatus.complete_job(workspace text, job text) returns jobstatus.jobs
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
    step jobstatus.steps;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job);
    locked := jobstatus.lock_job(workspace, job);
    if locked.status <> 'completed' and jobstatus.may_follow('completed', locked.status) then
        select s.* into step from jobstatus.steps s
            where s.workspace = locked.workspace and s.job_id = locked.id and s.attempt = locked.attempt
            and s.status <> 'completed' order by s.position limit 1;
        if found then
            perform jobstatus.refuse_transition('job', locked.name, locked.status, 'completed',
                format('step "%s" is %s', step.name, step.status));
        end if;
    end if;
    return jobstatus.set_status(locked, 'completed');
end
$$;

create or replace function jobstatus.cancel_job(workspace text, job text) returns jobstatus.jobs
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
    step jobstatus.steps;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job);
    locked := jobstatus.lock_job(workspace, job);
    if not jobstatus.is_terminal(locked.status) then
        step := jobstatus.step_under_way(locked);
        if step.id is not null then
            return jobstatus.move_both(locked, step, 'cancelling');
        end if;
    end if;
    -- Nothing is under way, so nothing has to be waited for.
    return jobstatus.set_status(locked, 'cancelled');
end
$$;

create or replace function jobstatus.pause_job(workspace text, job text) returns jobstatus.jobs
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
    step jobstatus.steps;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job);
    locked := jobstatus.lock_job(workspace, job);
    if not jobstatus.may_follow('pausing', locked.status) then
        perform jobstatus.refuse_transition('job', locked.name, locked.status, 'pausing');
    end if;
    step := jobstatus.step_under_way(locked);
    if step.id is null then
        select s.* into step from jobstatus.steps s
            where s.workspace = locked.workspace and s.job_id = locked.id and s.attempt = locked.attempt
            and s.status = 'created' order by s.position limit 1;
    end if;
    if step.id is null then
        perform jobstatus.refuse_transition('job', locked.name, locked.status, 'pausing',
            'it has no step that could pause');
    end if;
    return jobstatus.move_both(locked, step, 'pausing');
end
$$;

create or replace function jobstatus.resume_job(workspace text, job text) returns jobstatus.jobs
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
    step jobstatus.steps;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job);
    locked := jobstatus.lock_job(workspace, job);
    if locked.status = 'paused' then
        select s.* into step from jobstatus.steps s
            where s.workspace = locked.workspace and s.job_id = locked.id and s.attempt = locked.attempt
            and s.status = 'paused' order by s.position desc limit 1;
        if found then
            return jobstatus.move_both(locked, step, 'resuming');
        end if;
    end if;
    return jobstatus.set_status(locked, 'resuming');
end
$$;

create or replace function jobstatus.rerun_job(workspace text, job text) returns jobstatus.jobs
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
    step jobstatus.steps;
    step_id text;
    moment timestamptz;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job);
    locked := jobstatus.lock_job(workspace, job);
    if not jobstatus.is_terminal(locked.status) then
        perform jobstatus.refuse_transition('job', locked.name, locked.status, 'created',
            'it has not ended');
    end if;
    moment := clock_timestamp();
    -- The new run is not shown before the job's row says so, so these steps change no revision.
    for step in select s.* from jobstatus.steps s
            where s.workspace = locked.workspace and s.job_id = locked.id and s.attempt = locked.attempt
            order by s.position loop
        step_id := 'step-' || gen_random_uuid();
        insert into jobstatus.steps (workspace, job_id, attempt, position, id, name, status, declared,
                created_at, updated_at)
            values (locked.workspace, locked.id, locked.attempt + 1, step.position, step_id, step.name,
                'created', step.declared, moment, moment);
    end loop;
    update jobstatus.jobs j set attempt = locked.attempt + 1, status = 'created', status_details = '{}',
            error_details = '{}'
        where j.workspace = locked.workspace and j.id = locked.id
        returning j.* into locked;
    return locked;
end
$$;

create or replace function jobstatus.delete_job(workspace text, job text) returns jobstatus.jobs
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job);
    -- With the lock that a deletion needs from the start.
    delete from jobstatus.jobs j where j.workspace = delete_job.workspace and j.name = delete_job.job
        returning j.* into locked;
    if not found then
        locked := jobstatus.lock_job(workspace, job);
        delete from jobstatus.jobs j where j.workspace = locked.workspace and j.id = locked.id
            returning j.* into locked;
    end if;
    return locked;
end
$$;

create or replace function jobstatus.report_job_details(workspace text, job text, status_details json)
    returns jobstatus.jobs
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job);
    perform jobstatus.check_report('', null, status_details, null);
    if status_details is null then
        perform jobstatus.refuse_argument('status_details', null, 'is no JSON object');
    end if;
    locked := jobstatus.lock_job(workspace, job);
    return jobstatus.add_details(locked, false, status_details);
end
$$;

-- The job with its details merged with each of UPDATES, and another revision if these differ or BELOW says that
-- something below the job does.
create or replace function jobstatus.add_details(job jobstatus.jobs, below boolean, variadic updates json[])
    returns jobstatus.jobs
    language plpgsql as $$
declare
    merged json := jobstatus.merge(job.status_details, variadic updates);
begin
    if below or merged::text <> job.status_details::text then
        update jobstatus.jobs j set status_details = merged, revision = j.revision + 1
            where j.workspace = job.workspace and j.id = job.id
            returning j.* into job;
    end if;
    return job;
end
$$;

-- Steps and tasks -----------------------------------------------------------------------------------------

create or replace function jobstatus.report_step(workspace text, job text, step text,
        status text default null, status_details json default null, error_details json default null)
    returns jobstatus.steps
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
    old_step jobstatus.steps;
    new_step jobstatus.steps;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job, 'step', step);
    perform jobstatus.check_report('', status, status_details, error_details);
    locked := jobstatus.lock_job(workspace, job);
    select s.* into old_step from jobstatus.steps s
        where s.workspace = locked.workspace and s.job_id = locked.id and s.attempt = locked.attempt
        and s.name = report_step.step;
    new_step := old_step;
    if not found then
        new_step.workspace := locked.workspace;
        new_step.job_id := locked.id;
        new_step.attempt := locked.attempt;
        new_step.position := (select coalesce(max(s.position) + 1, 0) from jobstatus.steps s
            where s.workspace = locked.workspace and s.job_id = locked.id and s.attempt = locked.attempt);
        new_step.id := 'step-' || gen_random_uuid();
        new_step.created_at := clock_timestamp();
        new_step.name := step;
        new_step.status := 'created';
        new_step.status_details := '{}';
        new_step.error_details := '{}';
    end if;
    new_step.status := coalesce(status, new_step.status);
    new_step.status_details := jobstatus.merge(new_step.status_details, status_details);
    new_step.error_details := jobstatus.replace_details(new_step.error_details, error_details);
    perform jobstatus.check_below(locked, 'step', step, old_step.status, new_step.status);
    if old_step.id is null then
        insert into jobstatus.steps as s (workspace, job_id, attempt, position, id, name, status,
                status_details, error_details, declared, created_at, updated_at)
            values (new_step.workspace, new_step.job_id, new_step.attempt, new_step.position, new_step.id,
                new_step.name, new_step.status, new_step.status_details, new_step.error_details, false,
                new_step.created_at, new_step.created_at)
            returning s.* into new_step;
    elsif (old_step.status, old_step.status_details::text, old_step.error_details::text)
            is distinct from (new_step.status, new_step.status_details::text, new_step.error_details::text) then
        update jobstatus.steps s set status = new_step.status, status_details = new_step.status_details,
                error_details = new_step.error_details
            where s.workspace = new_step.workspace and s.job_id = new_step.job_id
            and s.attempt = new_step.attempt and s.position = new_step.position
            returning s.* into new_step;
    end if;
    if new_step.status is distinct from old_step.status then
        perform jobstatus.carry_status(locked, new_step);
    end if;
    return new_step;
end
$$;

-- The position of a step by its name, in the job's current run.
create or replace function jobstatus.find_step(job jobstatus.jobs, step text) returns integer
    language plpgsql stable as $$
declare
    place integer;
begin
    select s.position into place from jobstatus.steps s
        where s.workspace = job.workspace and s.job_id = job.id and s.attempt = job.attempt
        and s.name = find_step.step;
    if not found then
        raise exception using errcode = 'JS002',
            message = format('unknown step: job "%s" has no step "%s"', job.name, step);
    end if;
    return place;
end
$$;

create or replace function jobstatus.report_task(workspace text, job text, step text, task text,
        status text default null, status_details json default null, error_details json default null,
        error_stack text default null) returns jobstatus.tasks
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    locked jobstatus.jobs;
    place integer;
    old_task jobstatus.tasks;
    new_task jobstatus.tasks;
    changed boolean := true;
    carry text;
begin
    -- Which argument is wrong is asked when one is: a call costs more than these words, and an assignment less than
    -- a PERFORM.
    if (jobstatus.is_name(workspace) and jobstatus.is_name(job) and jobstatus.is_name(step)
            and jobstatus.is_name(task)) is not true then
        perform jobstatus.check_names('workspace', workspace, 'job', job, 'step', step, 'task', task);
    end if;
    if (jobstatus.is_status(status) and json_typeof(status_details) = 'object'
            and json_typeof(error_details) = 'object') is false then
        perform jobstatus.check_report('', status, status_details, error_details);
    end if;
    locked := jobstatus.lock_job(workspace, job);
    place := jobstatus.find_step(locked, step);
    select t.* into old_task from jobstatus.tasks t
        where t.workspace = locked.workspace and t.job_id = locked.id and t.attempt = locked.attempt
        and t.step_position = place and t.name = report_task.task;
    new_task := old_task;
    if not found then
        new_task.workspace := locked.workspace;
        new_task.job_id := locked.id;
        new_task.attempt := locked.attempt;
        new_task.step_position := place;
        new_task.position := (select coalesce(max(t.position) + 1, 0) from jobstatus.tasks t
            where t.workspace = locked.workspace and t.job_id = locked.id and t.attempt = locked.attempt
            and t.step_position = place);
        new_task.id := 'task-' || gen_random_uuid();
        new_task.created_at := clock_timestamp();
        new_task.name := task;
        new_task.status := 'pending';
        new_task.status_details := '{}';
        new_task.error_details := '{}';
    end if;
    new_task.status := coalesce(status, new_task.status);
    new_task.status_details := jobstatus.merge(new_task.status_details, status_details);
    new_task.error_details := jobstatus.replace_details(new_task.error_details, error_details);
    new_task.error_stack := coalesce(nullif(error_stack, ''), new_task.error_stack);
    if new_task.status is distinct from old_task.status then
        perform jobstatus.check_below(locked, 'task', task, old_task.status, new_task.status);
    end if;
    carry := set_config('jobstatus.carry', 'no', true);
    if old_task.id is null then
        insert into jobstatus.tasks as t (workspace, job_id, attempt, step_position, position, id, name,
                status, status_details, error_details, error_stack, created_at, updated_at)
            values (new_task.workspace, new_task.job_id, new_task.attempt, new_task.step_position,
                new_task.position, new_task.id, new_task.name, new_task.status, new_task.status_details,
                new_task.error_details, new_task.error_stack, new_task.created_at, new_task.created_at)
            returning t.* into new_task;
    elsif (old_task.status, old_task.status_details::text, old_task.error_details::text, old_task.error_stack)
            is distinct from (new_task.status, new_task.status_details::text, new_task.error_details::text,
            new_task.error_stack) then
        update jobstatus.tasks t set status = new_task.status, status_details = new_task.status_details,
                error_details = new_task.error_details, error_stack = new_task.error_stack
            where t.workspace = new_task.workspace and t.job_id = new_task.job_id
            and t.attempt = new_task.attempt and t.step_position = new_task.step_position
            and t.position = new_task.position
            returning t.* into new_task;
    else
        changed := false;
    end if;
    carry := set_config('jobstatus.carry', '', true);
    locked := jobstatus.add_details(locked, changed, status_details);
    return new_task;
end
$$;

-- Many tasks at once ---------------------------------------------------------------------------------------

-- A JSON string as a text; NULL for null.
create or replace function jobstatus.text_of(argument text, value json) returns text
    language plpgsql immutable as $$
begin
    if value is null or json_typeof(value) = 'null' then
        return null;
    elsif json_typeof(value) <> 'string' then
        perform jobstatus.refuse_argument(argument, value::text, 'is no string');
    elsif not jobstatus.has_escape(value) then
        return value #>> '{}';
    end if;
    begin
        return value #>> '{}';
    exception when untranslatable_character or invalid_text_representation then
        perform jobstatus.refuse_argument(argument, value::text,
            'has an escape of NUL or of half a surrogate pair, which no text can hold');
    end;
end
$$;

-- The elements of report_tasks' argument, judged one by one, in their order.
create or replace function jobstatus.read_tasks(tasks json)
    returns table (name text, status text, status_details json, error_details json, error_stack text)
    language plpgsql immutable as $$
declare
    -- json_each() and ->> themselves will do.
    plain boolean := not jobstatus.has_escape(tasks);
    place text;
    element record;
begin
    if tasks is null or json_typeof(tasks) <> 'array' then
        perform jobstatus.refuse_argument('tasks', tasks::text, 'is no JSON array');
    end if;
    for element in
        select e.n - 1 as n, e.value, json_typeof(e.value) as type, m.*,
            row_number() over (partition by case when m.name not like '"%' then null
                when plain then e.value ->> 'name' else jobstatus.key_of(m.name) end order by e.n) > 1 as again
        from json_array_elements(tasks) with ordinality as e(value, n) cross join lateral (
            select min(m.value) filter (where m.key = 'name') as name,
                min(m.value) filter (where m.key = 'status') as status,
                min(m.value) filter (where m.key = 'status_details') as status_details,
                min(m.value) filter (where m.key = 'error_details') as error_details,
                min(m.value) filter (where m.key = 'error_stack') as error_stack,
                min(m.key) filter (where m.key not in ('name', 'status', 'status_details',
                    'error_details', 'error_stack')) as unknown,
                count(*) > count(distinct m.key) as twice
            from (select j.key, j.value::text
                    from json_each(case when plain and json_typeof(e.value) = 'object' then e.value end) j
                union all select j.key, j.value
                    from jobstatus.members(case when not plain and json_typeof(e.value) = 'object' then e.value end) j) m) m
        order by 1
    loop
        place := format('tasks[%s]', element.n);
        if element.type <> 'object' then
            perform jobstatus.refuse_argument(place, element.value::text, 'is no JSON object');
        elsif element.unknown is not null then
            perform jobstatus.refuse_argument(place, element.unknown, 'is no key of a task');
        elsif element.twice then
            perform jobstatus.refuse_argument(place, element.value::text, 'has a key twice');
        end if;
        place := place || '.';
        name := jobstatus.text_of(place || 'name', element.name::json);
        status := jobstatus.text_of(place || 'status', element.status::json);
        status_details := nullif(element.status_details, 'null')::json;
        error_details := nullif(element.error_details, 'null')::json;
        error_stack := jobstatus.text_of(place || 'error_stack', element.error_stack::json);
        if jobstatus.is_name(name) is not true then
            perform jobstatus.check_names(place || 'name', name);
        end if;
        if element.again then
            perform jobstatus.refuse_argument(place || 'name', name, 'is there twice');
        end if;
        if (jobstatus.is_status(status) and json_typeof(status_details) = 'object'
                and json_typeof(error_details) = 'object') is false then
            perform jobstatus.check_report(place, status, status_details, error_details);
        end if;
        return next;
    end loop;
end
$$;

-- Thousands of tasks may come before the planner knows of the first, so it is kept from comparing each with each.
create or replace function jobstatus.report_tasks(workspace text, job text, step text, tasks json)
    returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    set enable_nestloop = off set jit = off as $$
declare
    locked jobstatus.jobs;
    place integer;
    last_position integer;
    names text[];
    statuses text[];
    details json[];
    errors json[];
    stacks text[];
    wrong record;
    changed boolean;
    moment timestamptz;
begin
    perform jobstatus.check_names('workspace', workspace, 'job', job, 'step', step);
    select coalesce(array_agg(r.name), '{}'), array_agg(r.status), array_agg(r.status_details),
            array_agg(r.error_details), array_agg(r.error_stack)
        into names, statuses, details, errors, stacks from jobstatus.read_tasks(tasks) r;
    locked := jobstatus.lock_job(workspace, job);
    place := jobstatus.find_step(locked, step);
    select r.n - 1 as n, r.name, t.status as old_status, coalesce(r.status, t.status, 'pending') as new_status
        into wrong
        from unnest(names, statuses) with ordinality as r(name, status, n)
        left join jobstatus.tasks t on t.workspace = locked.workspace and t.job_id = locked.id
            and t.attempt = locked.attempt and t.step_position = place and t.name = any (names)
            and t.name = r.name
        where case when jobstatus.is_terminal(locked.status)
            then t.status is null or r.status <> t.status
            else not jobstatus.may_follow(r.status, t.status) end
        order by 1 limit 1;
    if found then
        perform jobstatus.check_below(locked, format('tasks[%s]', wrong.n), wrong.name, wrong.old_status,
            wrong.new_status);
    end if;

    perform set_config('jobstatus.carry', 'no', true);
    update jobstatus.tasks t set status = n.status, status_details = n.status_details,
            error_details = n.error_details, error_stack = n.error_stack
        from (select o.position, coalesce(r.status, o.status) as status,
                jobstatus.merge(o.status_details, r.status_details) as status_details,
                jobstatus.replace_details(o.error_details, r.error_details) as error_details,
                coalesce(nullif(r.error_stack, ''), o.error_stack) as error_stack
            from unnest(names, statuses, details, errors, stacks)
                as r(name, status, status_details, error_details, error_stack)
            join jobstatus.tasks o on o.workspace = locked.workspace and o.job_id = locked.id
                and o.attempt = locked.attempt and o.step_position = place and o.name = any (names)
                and o.name = r.name
            offset 0) n
        where t.workspace = locked.workspace and t.job_id = locked.id and t.attempt = locked.attempt
        and t.step_position = place and t.name = any (names) and t.position = n.position
        and (t.status, t.status_details::text, t.error_details::text, t.error_stack)
            is distinct from (n.status, n.status_details::text, n.error_details::text, n.error_stack);
    changed := found;
    last_position := (select coalesce(max(t.position), -1) from jobstatus.tasks t
        where t.workspace = locked.workspace and t.job_id = locked.id and t.attempt = locked.attempt
        and t.step_position = place);
    moment := clock_timestamp();
    insert into jobstatus.tasks (workspace, job_id, attempt, step_position, position, id, name, status,
            status_details, error_details, error_stack, created_at, updated_at)
        select locked.workspace, locked.id, locked.attempt, place,
            last_position + row_number() over (order by r.n), 'task-' || gen_random_uuid(), r.name,
            coalesce(r.status, 'pending'), coalesce(r.status_details, '{}'),
            coalesce(r.error_details, '{}'), nullif(r.error_stack, ''), moment, moment
        from unnest(names, statuses, details, errors, stacks)
            with ordinality as r(name, status, status_details, error_details, error_stack, n)
        where not exists (select from jobstatus.tasks t
            where t.workspace = locked.workspace and t.job_id = locked.id and t.attempt = locked.attempt
            and t.step_position = place and t.name = any (names) and t.name = r.name);
    changed := changed or found;
    perform set_config('jobstatus.carry', '', true);
    perform jobstatus.add_details(locked, changed, variadic coalesce(details, '{}'));
    return cardinality(names);
end
$$;

-- Rights and comments --------------------------------------------------------------------------------------

do $$
declare
    name text;
begin
    for name in select p.oid::regprocedure::text from pg_catalog.pg_proc p
            where p.pronamespace = 'jobstatus'::regnamespace order by 1 loop
        execute format('alter function %s owner to jobstatus_owner', name);
    end loop;
end
$$;

revoke all on all functions in schema jobstatus from public, jobstatus_reader, jobstatus_writer;
grant execute on function jobstatus.is_name(text), jobstatus.is_status(text),
    jobstatus.is_time(timestamptz) to public;
grant execute on function
    jobstatus.create_job(text, text, text[], text),
    jobstatus.report_step(text, text, text, text, json, json),
    jobstatus.report_task(text, text, text, text, text, json, json, text),
    jobstatus.report_tasks(text, text, text, json),
    jobstatus.report_job_details(text, text, json),
    jobstatus.complete_job(text, text), jobstatus.cancel_job(text, text),
    jobstatus.pause_job(text, text), jobstatus.resume_job(text, text),
    jobstatus.rerun_job(text, text), jobstatus.delete_job(text, text)
    to jobstatus_writer;

comment on function jobstatus.create_job(text, text, text[], text) is 'Creates a job, with its steps as far as '
    'they are known; returns it';
comment on function jobstatus.report_step(text, text, text, text, json, json) is 'Reports a step: its status, '
    'details to be merged, error details to take the place of the old; a step that is not there yet comes '
    'after the last; returns it';
comment on function jobstatus.report_task(text, text, text, text, text, json, json, text) is 'Reports a task, '
    'which is made if it is not there; its status details are merged into the job''s, too; returns it';
comment on function jobstatus.report_tasks(text, text, text, json) is 'Reports many tasks of a step, all or '
    'none; returns how many';
comment on function jobstatus.report_job_details(text, text, json) is 'Merges details into the job''s; returns '
    'it';
comment on function jobstatus.complete_job(text, text) is 'Completes a job whose steps are completed; returns it';
comment on function jobstatus.cancel_job(text, text) is 'Cancels a job, at once if nothing of it is under way; '
    'returns it';
comment on function jobstatus.pause_job(text, text) is 'Asks a job to pause; returns it';
comment on function jobstatus.resume_job(text, text) is 'Asks a paused job to go on; returns it';
comment on function jobstatus.rerun_job(text, text) is 'Begins another run of a job that has ended; returns it';
comment on function jobstatus.delete_job(text, text) is 'Deletes a job with all that belongs to it; returns it '
    'as it was';

comment on function jobstatus.refuse_argument(text, text, text) is 'Raises JS005';
comment on function jobstatus.check_names(text[]) is 'Refuses what cannot be a name; pairs of argument and value';
comment on function jobstatus.check_report(text, text, json, json) is 'Refuses what is no status and details that '
    'are no objects';
comment on function jobstatus.is_terminal(text) is 'Whether nothing follows a status';
comment on function jobstatus.may_follow(text, text) is 'Whether the first status may follow the second';
comment on function jobstatus.refuse_transition(text, text, text, text, text) is 'Raises JS004';
comment on function jobstatus.check_below(jobstatus.jobs, text, text, text, text) is 'Refuses an illegal transition '
    'of a step or task';
comment on function jobstatus.is_empty(json) is 'Whether a JSON object has no member';
comment on function jobstatus.key_of(text) is 'A key of a JSON object, whatever way it is written';
comment on function jobstatus.has_escape(json) is 'Whether a JSON value is written with an escape by number';
comment on function jobstatus.plain_members(json) is 'The members of a JSON object without such an escape';
comment on function jobstatus.cut_members(json) is 'The members of a JSON object, cut by its tokens';
comment on function jobstatus.members(json) is 'The members of any JSON object, in stored order';
comment on function jobstatus.merge(json, json[]) is 'A JSON object with the members of others';
comment on function jobstatus.replace_details(json, json) is 'The second details, or the first if those are empty';
comment on function jobstatus.lock_job(text, text) is 'Locks a job for the transaction, or raises JS001';
comment on function jobstatus.set_status(jobstatus.jobs, text, json) is 'Gives a job another status, with all that '
    'follows from it';
comment on function jobstatus.carry_status(jobstatus.jobs, jobstatus.steps) is 'Gives a job what follows from a '
    'step''s new status';
comment on function jobstatus.step_under_way(jobstatus.jobs) is 'The newest step that is under way';
comment on function jobstatus.move_both(jobstatus.jobs, jobstatus.steps, text) is 'Gives a step and its job a status';
comment on function jobstatus.add_details(jobstatus.jobs, boolean, json[]) is 'Merges details into a job''s';
comment on function jobstatus.find_step(jobstatus.jobs, text) is 'The position of a step, or raises JS002';
comment on function jobstatus.text_of(text, json) is 'A JSON string as a text, or raises JS005';
comment on function jobstatus.read_tasks(json) is 'The elements of an array of tasks, or raises JS005';

commit;
