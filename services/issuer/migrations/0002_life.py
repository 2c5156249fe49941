"""Revocation and correction of assertions. Editions of badge classes, whose bytes never change."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table assertions
            add column corrects text,             -- the newest earlier version, which this one corrects and revokes
            add column correction text,           -- the office's reason for this version
            add column revoked_at timestamptz,
            add column revocation_reason text,
            add column replaced_by text,
            add column decision_id text,          -- the office's decision that revoked it; null: a correction did
            add check ((revoked_at is null) = (revocation_reason is null)),
            add check (revoked_at is not null or (replaced_by is null and decision_id is null));
        update assertions
            set revoked_at = bit.revoked_at, revocation_reason = ''
            from status_entries as bit
            where (bit.status_list, bit.status_index) = (assertions.status_list, assertions.status_index)
                and bit.revoked_at is not null;
        create index assertions_revoked on assertions (status_list, status_index) where revoked_at is not null;
        drop index status_entries_revoked;
        alter table status_entries drop column revoked_at;

        alter table documents
            add column revision integer not null default 0,  -- raised by each change that must be published at once
            add column unsure_until timestamptz;             -- until then a put whose end was not seen may take effect
        alter table signing_keys rename column first_used_at to listed_at;

        delete from documents where name like 'badges/%';  -- they are made from badge_classes now

        create table badge_classes (
            qualification text not null,
            edition text not null,         -- 2026, 2026-2, 2026-3
            year text not null,
            digest text not null,          -- of what is published, but for the edition in its URLs
            document bytea not null,
            png bytea not null,
            svg bytea not null,
            made_at timestamptz not null,
            primary key (qualification, edition),
            unique (qualification, year, digest)
        );
        create table drawings (
            made_from text primary key,    -- fingerprint of programme, year, drawing code and fonts
            qualification text not null,
            edition text not null,
            foreign key (qualification, edition) references badge_classes
        );
        create table issuer_images (
            made_from text primary key,
            png bytea not null,
            made_at timestamptz not null
        );
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop table issuer_images; drop table drawings; drop table badge_classes;
        alter table signing_keys rename column listed_at to first_used_at;
        alter table documents drop column revision, drop column unsure_until;
        alter table status_entries add column revoked_at timestamptz;
        update status_entries
            set revoked_at = assertions.revoked_at
            from assertions
            where (assertions.status_list, assertions.status_index)
                = (status_entries.status_list, status_entries.status_index);
        create index status_entries_revoked on status_entries (status_list, status_index) where revoked_at is not null;
        drop index assertions_revoked;
        alter table assertions drop column corrects, drop column correction, drop column revoked_at,
            drop column revocation_reason, drop column replaced_by, drop column decision_id;
        """
    )
