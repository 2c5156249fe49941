"""search_keys: what finds a person, by three characters, written when names or numbers change. Fewer indexes."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Whose names or numbers changed is noted apart from `stirred`, which a process of the former release takes up as well.
TABLES = """
create table renamed (
    id bigint generated always as identity primary key,
    registration_id text not null
);
comment on table renamed is 'whose names or numbers changed since search_keys was written last';

create function note_new_people() returns trigger language plpgsql as $$
begin
    insert into renamed (registration_id) select registration_id from changed;
    return null;
end $$;
create trigger people_named after insert on people referencing new table as changed
    for each statement execute function note_new_people();

create function note_renamed() returns trigger language plpgsql as $$
begin
    insert into renamed (registration_id) values (new.registration_id);
    return null;
end $$;
create trigger people_renamed after update on people for each row
    when ((old.name, old.family_name, old.given_name, old.family_name_latin, old.given_name_latin,
        old.registration_number, old.pass_number, old.person_id) is distinct from
        (new.name, new.family_name, new.given_name, new.family_name_latin, new.given_name_latin,
        new.registration_number, new.pass_number, new.person_id))
    execute function note_renamed();

create or replace function forget_standing() returns trigger language plpgsql as $$
begin
    truncate stirred, renamed, standing, standing_counts, letter_counts, batch_counts, unplaced, search_keys;
    return null;
end $$;

drop index search_keys_grams, search_keys_badge;
alter table search_keys add column grams tsvector, alter column badge_key set default '';
create index search_keys_by_grams on search_keys using gin (grams);
comment on column search_keys.grams is 'each three characters of key that follow each other, two and one at its end';
comment on column search_keys.badge_key is 'for the former release; a badge is found by assertions_by_beginning';
create index assertions_by_beginning on assertions (lower(assertion_id) text_pattern_ops);
insert into renamed (registration_id) select registration_id from people;
"""

# Nothing has asked for these since 0011; each made a row's update write all its indexes.
INDEXES = "drop index people_eligible, people_held, assertions_by_batch;"

# `found_by` took most of what it cost to write a person: each character was looked up among hiragana, at each write.
# The former release reads it to write `key`, and searches by `grams`: it finds the same people, by reading all keys.
FORMER = """
alter table people drop column found_by;
alter table people add column found_by text;
comment on column people.found_by is 'empty; the former release reads it';

create function key_for_the_former_release() returns trigger language plpgsql as $$
begin
    select translate(lower(normalize(concat_ws(' ', name, family_name, given_name, family_name_latin,
            given_name_latin, given_name_latin, family_name_latin, registration_id, registration_number, pass_number,
            person_id), NFKC)), '{hiragana} -‐‑‒–—―−ー－', '{katakana}')
        into new.key from people where registration_id = new.registration_id;
    return new;
end $$;
create trigger search_keys_without_key before insert on search_keys for each row when (new.key is null)
    execute function key_for_the_former_release();

create or replace function grams(text) returns text[] language sql immutable strict parallel safe as
    $$ select array[''] $$;
comment on function grams is 'for the former release: the same of each text, so that it compares the keys themselves';
"""

BACK = """
drop trigger search_keys_without_key on search_keys;
drop function key_for_the_former_release();
alter table people drop column found_by;
alter table people add column found_by text generated always as (translate(lower(normalize(
    coalesce(name, '') || ' ' || coalesce(family_name, '') || coalesce(given_name, '') || ' '
    || coalesce(family_name_latin, '') || coalesce(given_name_latin, '') || ' '
    || coalesce(given_name_latin, '') || coalesce(family_name_latin, '') || ' ' || registration_id || ' '
    || coalesce(registration_number, '') || ' ' || coalesce(pass_number, '') || ' ' || coalesce(person_id, '')
    || ' ' || coalesce(assertion_id, ''), NFKC)), '{hiragana} -‐‑‒–—―−ー－', '{katakana}')) stored;
create or replace function grams(text) returns text[] language sql immutable strict parallel safe as $$
    select array(
        select distinct gram from (
            select substr($1, n, 2) from generate_series(1, length($1) - 1) as n
            union all
            select substr($1, n, 1) from generate_series(1, length($1)) as n where ascii(substr($1, n, 1)) > 127
        ) as grams (gram)
    )
$$;
create index people_eligible on people (cohort) where eligible_at is not null;
create index people_held on people (cohort) where held_reason is not null;
create index assertions_by_batch on assertions (merkle_root, network) where merkle_root is not null;
drop index assertions_by_beginning;
drop index search_keys_by_grams;
alter table search_keys drop column grams, alter column badge_key drop default;
create index search_keys_grams on search_keys using gin (grams(key));
create index search_keys_badge on search_keys (badge_key text_pattern_ops);
create or replace function forget_standing() returns trigger language plpgsql as $$
begin
    truncate stirred, standing, standing_counts, letter_counts, batch_counts, unplaced, search_keys;
    return null;
end $$;
drop trigger people_named on people;
drop trigger people_renamed on people;
drop function note_new_people(), note_renamed();
drop table renamed;
insert into stirred (registration_id) select registration_id from people;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(INDEXES)
    op.execute(_with_kana(FORMER))


def downgrade() -> None:
    op.execute(_with_kana(BACK))


def _with_kana(sql: str) -> str:
    hiragana, katakana = ("".join(map(chr, points)) for points in (range(0x3041, 0x3097), range(0x30A1, 0x30F7)))
    return sql.replace("{hiragana}", hiragana).replace("{katakana}", katakana)
