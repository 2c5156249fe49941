-- A role and a schema for each service, the only one that it can see. Run once, and again whenever you like:
--   psql -d akashi -v registration="$(cat registration.password)" -v issuer=… -f deploy/postgres/roles.sql
-- Each service makes its tables itself, when it starts.
\set ON_ERROR_STOP on
begin;
revoke all on schema public from public;
select format('create role %I login', name) from unnest(array[
    'registration', 'issuer', 'anchor', 'renderer', 'mailer', 'wallet', 'verifier', 'ops'
]) name where not exists (select from pg_roles where rolname = name) \gexec
alter role registration password :'registration';
alter role issuer password :'issuer';
alter role anchor password :'anchor';
alter role renderer password :'renderer';
alter role mailer password :'mailer';
alter role wallet password :'wallet';
alter role verifier password :'verifier';
alter role ops password :'ops';
select format('create schema if not exists %1$I authorization %1$I', name) from unnest(array[
    'registration', 'issuer', 'anchor', 'renderer', 'mailer', 'wallet', 'verifier', 'ops'
]) name \gexec
select format('alter role %1$I set search_path = %1$I', name) from unnest(array[
    'registration', 'issuer', 'anchor', 'renderer', 'mailer', 'wallet', 'verifier', 'ops'
]) name \gexec
commit;
