"""standing: where each person stands, counted as it changes. search_keys: what finds a person. letters: domain."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# The board of a million badges must not join a million rows at each look. Whatever changes people, assertions or
# letters writes down whose (`stirred`, in the same transaction); `store/standing.py` looks at those alone, when it is
# asked for counts. It writes by one transaction at a time, so none waits for another's row.
TABLES = """
create table stirred (
    id bigint generated always as identity primary key,
    registration_id text,
    assertion_id text
);
comment on table stirred is 'whose rows changed since standing was written last';

create table standing (
    registration_id text primary key,
    cohort text not null,
    qualification text not null,
    place smallint not null, -- reached, +128: ended, +256: held
    rank smallint not null, -- 0: the office has something to do
    since timestamptz,
    held_reason text not null,
    stuck_as text not null,
    letters text[] not null, -- of the newest badge: state, tab, domain
    merkle_root text,
    network text
);
create index standing_by_rank on standing (cohort, rank, registration_id);
create index standing_by_place on standing (cohort, place, registration_id);
create index standing_by_wait on standing (cohort, place, rank, since) where place & 127 <> 127;
comment on table standing is 'a copy of the view progress, as far as it is counted; "" where the view has null';

create table standing_counts (
    cohort text, qualification text, place smallint, held_reason text, stuck_as text, count bigint not null,
    primary key (cohort, qualification, place, held_reason, stuck_as)
);
create table letter_counts (
    cohort text, qualification text, state text, domain text, count bigint not null,
    primary key (cohort, qualification, state, domain)
);
create table batch_counts (
    cohort text, merkle_root text, network text, count bigint not null,
    primary key (cohort, merkle_root, network)
);
create table unplaced (assertion_id text primary key);
comment on table unplaced is 'badges that an event named before it is known to whom they were issued';

alter table letters add column domain text;
create index settlements_by_time on settlements (settled_at);
create index people_by_person on people (person_id);

create function grams(text) returns text[] language sql immutable strict parallel safe as $$
    select array(
        select distinct gram from (
            select substr($1, n, 2) from generate_series(1, length($1) - 1) as n
            union all
            select substr($1, n, 1) from generate_series(1, length($1)) as n where ascii(substr($1, n, 1)) > 127
        ) as grams (gram)
    )
$$;
comment on function grams is 'pairs of characters, and each character that is not ASCII: 林 alone is a family name';
create table search_keys (
    registration_id text primary key,
    key text not null, -- names and numbers, by search_key of shared/office_answers
    badge_key text not null -- the newest badge's id, likewise
);
create index search_keys_grams on search_keys using gin (grams(key));
create index search_keys_badge on search_keys (badge_key text_pattern_ops);
"""

TRIGGERS = """
create function stir_{table}() returns trigger language plpgsql as $$
begin
    insert into stirred ({id}) select {id} from changed;
    return null;
end $$;
create trigger {table}_inserted after insert on {table} referencing new table as changed
    for each statement execute function stir_{table}();
create trigger {table}_updated after update on {table} referencing new table as changed
    for each statement execute function stir_{table}();
"""
STIRRING = {"people": "registration_id", "assertions": "assertion_id", "letters": "assertion_id"}

# Who empties people empties what is counted of them.
FORGETTING = """
create function forget_standing() returns trigger language plpgsql as $$
begin
    truncate stirred, standing, standing_counts, letter_counts, batch_counts, unplaced, search_keys;
    return null;
end $$;
create trigger people_emptied after truncate on people for each statement execute function forget_standing();
"""

KNOWN = """
insert into stirred (registration_id) select registration_id from people;
insert into stirred (assertion_id) select assertion_id from assertions where registration_id is null
    union select assertion_id from letters l where not exists (
        select from assertions a where a.assertion_id = l.assertion_id and a.registration_id is not null);
"""

BACK = """
drop table search_keys;
drop function grams;
alter table letters drop column domain;
drop index settlements_by_time;
drop index people_by_person;
drop table unplaced, batch_counts, letter_counts, standing_counts, standing, stirred;
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table, id in STIRRING.items():
        op.execute(TRIGGERS.format(table=table, id=id))
    op.execute(FORGETTING)
    op.execute(KNOWN)


def downgrade() -> None:
    op.execute("drop trigger people_emptied on people; drop function forget_standing")
    for table in STIRRING:
        op.execute(f"drop trigger {table}_inserted on {table}; drop trigger {table}_updated on {table}")
        op.execute(f"drop function stir_{table}")
    op.execute(BACK)
