-- How details are merged: at the top level, in stored order, whatever the values are.
begin;
select plan(103);
set role jobstatus_owner;

-- merge(): stored, new, outcome. A value keeps its text; what stands between members becomes one colon and blank, one
-- comma and blank, as soon as anything changes.
select is(jobstatus.merge(stored::json, new::json)::text, outcome,
    regexp_replace(format('%s with %s', stored, coalesce(new, 'NULL')), '\s+', ' ', 'g'))
from (values
    -- New keys come last in their own order, known ones keep their place.
    ('{"a":1}', '{"b":2}', '{"a": 1, "b": 2}'),
    ('{"b":1,"a":2}', '{"a":3,"c":4,"b":5,"0":6}', '{"b": 5, "a": 3, "c": 4, "0": 6}'),
    ('{"a":{"x":1,"y":2}}', '{"a":{"z":3}}', '{"a": {"z":3}}'),
    ('{"a":1}', '{"a":null}', '{"a": null}'),
    ('{"a":1}', '{"A":2," a":3,"a ":4}', '{"a": 1, "A": 2, " a": 3, "a ": 4}'),
    ('{"":1}', '{"":2}', '{"": 2}'),
    -- Nothing changes the text when nothing changes.
    ('{ "a" :1 }', null, '{ "a" :1 }'),
    ('{ "a" :1 }', '{}', '{ "a" :1 }'),
    ('{ "a" :1 }', e' {\n\t} ', '{ "a" :1 }'),
    ('{ "a" :1 }', '{"a":1}', '{ "a" :1 }'),
    (e'{\n"a" : [1, 2] ,"b":"\\u0000" }', '{"b":"\u0000"}', e'{\n"a" : [1, 2] ,"b":"\\u0000" }'),
    (e'{"a":1,\t"b":2}', '{"b":2,"a":1}', e'{"a":1,\t"b":2}'),
    ('{}', null, '{}'),
    ('{}', '{}', '{}'),
    -- What comes first is stored as it is given.
    ('{}', e'{ "a" :1,\n"a": 2}', e'{ "a" :1,\n"a": 2}'),
    (' { } ', '{"a":"\u0000"}', '{"a":"\u0000"}'),
    -- Blanks inside a value stay.
    ('{"a":1}', '{"b":[1,  2 ] ,"c" : { "x" : "y z" }  }', '{"a": 1, "b": [1,  2 ], "c": { "x" : "y z" }}'),
    ('{"a":1,"z":"\u0000"}', e'{"b":[1,\n 2 ] ,"c" : { "x" : "y z" }\t}',
        e'{"a": 1, "z": "\\u0000", "b": [1,\n 2 ], "c": { "x" : "y z" }}'),
    -- Numbers keep their digits.
    ('{"a":1}', '{"a":1.0}', '{"a": 1.0}'),
    ('{"a":0}', '{"a":-0.0}', '{"a": -0.0}'),
    ('{"a":1}', '{"a":1234567890123456789012345678901234567890}', '{"a": 1234567890123456789012345678901234567890}'),
    ('{"a":1}', '{"a":0.1234567890123456789012345678901234567890}',
        '{"a": 0.1234567890123456789012345678901234567890}'),
    ('{"a":1}', '{"a":1e400,"b":-1E-400}', '{"a": 1e400, "b": -1E-400}'),
    ('{"a":1,"z":"\ud800"}', '{"a":1e400,"b":-0.0}', '{"a": 1e400, "z": "\ud800", "b": -0.0}'),
    -- NUL and halves of surrogate pairs in values, nested or not.
    ('{"a":"\u0000"}', '{"b":1}', '{"a": "\u0000", "b": 1}'),
    ('{"a":1}', '{"b":"x\u0000y"}', '{"a": 1, "b": "x\u0000y"}'),
    ('{"a":1}', '{"b":["\ud83d",{"c":"\ude00"}]}', '{"a": 1, "b": ["\ud83d",{"c":"\ude00"}]}'),
    ('{"a":"\ud83d\ude00"}', '{"b":"\u00e4"}', '{"a": "\ud83d\ude00", "b": "\u00e4"}'),
    ('{"a":{"\u0000":"\u0000"},"b":2}', '{"a":3}', '{"a": 3, "b": 2}'),
    -- What looks like more or fewer members than there are.
    ('{"a":"},{"}', '{"b":"\":{[,\u0000"}', '{"a": "},{", "b": "\":{[,\u0000"}'),
    ('{"a":"\\\"","z":"\u0000"}', '{"b":"\\"}', '{"a": "\\\"", "z": "\u0000", "b": "\\"}'),
    ('{"a":[[],{},[{}]],"z":"\u0000"}', '{"b":{"b":{}}}', '{"a": [[],{},[{}]], "z": "\u0000", "b": {"b":{}}}'),
    ('{"a":"b\": 1, \"c","z":"\u0000"}', '{"c":2}', '{"a": "b\": 1, \"c", "z": "\u0000", "c": 2}'),
    ('{"":"\u0000"}', '{"":{}}', '{"": {}}'),
    -- The same key, written in another way.
    ('{"a":1}', '{"\u0061":2}', '{"a": 2}'),
    ('{"\u0061":1}', '{"a":2}', '{"\u0061": 2}'),
    ('{"ä":1}', '{"\u00E4":2}', '{"ä": 2}'),
    ('{"\u00e4":1}', '{"\u00E4":2}', '{"\u00e4": 2}'),
    ('{"/":1}', '{"\/":2}', '{"/": 2}'),
    ('{"\/":1,"z":"\u0000"}', '{"/":2}', '{"\/": 2, "z": "\u0000"}'),
    ('{"\n":1}', '{"\u000a":2}', '{"\n": 2}'),
    ('{"\"":1}', '{"\u0022":2}', '{"\"": 2}'),
    ('{"\\":1}', '{"\u005c":2}', '{"\\": 2}'),
    ('{"\\":1}', '{"\\":2,"z":"\u0000"}', '{"\\": 2, "z": "\u0000"}'),
    ('{"a\\b":1,"z":"\u0000"}', '{"a\\b":2}', '{"a\\b": 2, "z": "\u0000"}'),
    ('{"\\n":1}', '{"\\n":2,"\n":3,"z":"\u0000"}', '{"\\n": 2, "\n": 3, "z": "\u0000"}'),
    ('{"😀":1}', '{"\ud83d\ude00":2}', '{"😀": 2}'),
    ('{"\uD83D\uDE00":1}', '{"\ud83d\ude00":2}', '{"\uD83D\uDE00": 2}'),
    ('{"\u0000":1}', '{"\u0000":2}', '{"\u0000": 2}'),
    ('{"\ud800":1}', '{"\uD800":2}', '{"\ud800": 2}'),
    ('{"\ud800\ud83d\ude00":1}', '{"\uD800😀":2}', '{"\ud800\ud83d\ude00": 2}'),
    -- Not the same key, though it looks like it.
    ('{"\u0000":1}', '{"\\u0000":2}', '{"\u0000": 1, "\\u0000": 2}'),
    ('{"\u0000":1}', '{"\u005cu0000":2}', '{"\u0000": 1, "\u005cu0000": 2}'),
    ('{"\\u0000":1}', '{"\u005cu0000":2}', '{"\\u0000": 2}'),
    ('{"\ud83d":1}', '{"\ud83e":2}', '{"\ud83d": 1, "\ud83e": 2}'),
    ('{"\ude00\ud83d":1}', '{"\ud83d\ude00":2}', '{"\ude00\ud83d": 1, "\ud83d\ude00": 2}'),
    ('{"a\u0000":1}', '{"a\u0000b":2,"a":3}', '{"a\u0000": 1, "a\u0000b": 2, "a": 3}'),
    -- A key that is there twice: the last of the new ones counts, and the last of the stored ones changes.
    ('{"b":0}', '{"a":1,"a":2}', '{"b": 0, "a": 2}'),
    ('{"b":0}', '{"a":1,"\u0061":"\u0000","c":1}', '{"b": 0, "a": "\u0000", "c": 1}'),
    ('{"a":1,"b":2,"a":3}', '{"a":4}', '{"a": 1, "b": 2, "a": 4}'),
    ('{"a":1,"a":2}', '{"a":2}', '{"a":1,"a":2}'),
    ('{"a":1}', '{"a":2,"a":1}', '{"a":1}')
) cases(stored, new, outcome);

-- Many at once.
select is(jobstatus.merge('{"a":1}', '{"b":1}', null, '{}', '{"a":2,"c":1}', '{"b":3}')::text,
    '{"a": 2, "b": 3, "c": 1}',
    'several, one after the other');
select is(jobstatus.merge('{"a": 1}', '{"a":2}', '{"a":1}')::text, '{"a": 1}', 'there and back again');
select is(jobstatus.merge('{}', '{"a" :1}', '{"b" :2}')::text, '{"a": 1, "b": 2}',
    'several, of which one is the first');
select is(jobstatus.merge('{"a":1}', variadic '{}'::json[])::text, '{"a":1}', 'none');

-- Depth and width.
select is(jobstatus.merge(format('{"a":%s}', stored)::json, format('{"b":%s}', deep)::json)::text,
        format('{"a": %s, "b": %s}', stored, deep), what || ' beside ' || stored)
    from (values ('1'), ('"\u0000"')) beside(stored), (values
        ('1,000 arrays', repeat('[', 1000) || repeat(']', 1000)),
        ('1,000 objects', repeat('{"b":', 1000) || '"\udead"' || repeat('}', 1000)),
        ('a value of 100,000 characters', '"' || repeat('é', 100000) || '"')) depths(what, deep);
select is(jobstatus.merge(json_object_agg(n, 0), json_object_agg(n, 1))::text,
        '{' || string_agg(format('"%s": 1', n), ', ') || '}', '1,000 members') from generate_series(1, 1000) n;

-- members(): each as it is written.
select results_eq(format('select key, written, value from jobstatus.members(%L)', object), rows,
    regexp_replace(object, '\s+', ' ', 'g'))
from (values
    ('{"a":1, "\"\\" :[ 1 ]}', $$ values ('a', '"a"', '1'), ('"\\', '"\"\\"', '[ 1 ]') $$),
    ('{"a":1, "\"\\" :[ 1 ],"":"\u0000"}',
        $$ values ('a', '"a"', '1'), ('"\\', '"\"\\"', '[ 1 ]'), ('', '""', '"\u0000"') $$),
    ('{"b":1,"a":2,"b":3}', $$ values ('b', '"b"', '1'), ('a', '"a"', '2'), ('b', '"b"', '3') $$),
    ('{"b":"\ud800","a":{"x":1,"y":[2,3]},"b":3}',
        $$ values ('b', '"b"', '"\ud800"'), ('a', '"a"', '{"x":1,"y":[2,3]}'), ('b', '"b"', '3') $$),
    (e'\n{\t"\\u0000"\r: 1e400 }\n', $$ values ('\u0000', '"\u0000"', '1e400') $$)
) cases(object, rows);
select is_empty(format('select from jobstatus.members(%L)', object), format('no member in %s', to_json(object)))
    from unnest(array['{}', e' {\n} ']) object;

-- key_of(): one text for all ways to write a key.
select is(jobstatus.key_of(written), key, written)
from (values
    ('""', ''), ('"a"', 'a'), ('"\u0061"', 'a'), ('"\""', '"'), ('"\/"', '/'), ('"\n"', e'\n'), ('"\u000A"', e'\n'),
    ('"\\"', '\\'), ('"\u005c"', '\\'), ('"\u005C"', '\\'), ('"\\u0000"', '\\u0000'), ('"\u005cu0000"', '\\u0000'),
    ('"\u0000"', '\u0000'), ('"\uD800"', '\ud800'), ('"\uDFFF"', '\udfff'), ('"\ud83d\uDE00"', '😀'),
    ('"\uDE00\uD83D"', '\ude00\ud83d'), ('"x\\\u0000\""', 'x\\\u0000"')
) cases(written, key);

-- replace_details() takes the new ones as they are, unless there are none.
select is(jobstatus.replace_details('{"e":1}', new::json)::text, outcome, coalesce(to_json(new)::text, 'NULL'))
from (values
    ('{"f":2,  "f":"\u0000"}', '{"f":2,  "f":"\u0000"}'), ('{"e" :1}', '{"e" :1}'),
        ('{}', '{"e":1}'), (e' {\n} ', '{"e":1}'),
    (null, '{"e":1}')
) cases(new, outcome);

select * from finish();
rollback;
