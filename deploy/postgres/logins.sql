-- Who logs in to Postgres beside the database's owner: `sluice_sink` writes (sinks and feed), `sluice_analyst` reads.
-- For psql, as a user who may make roles, before or after `sluice migrate`; again with other passwords to change them:
--   WRITER_PASSWORD=… READER_PASSWORD=… psql --set=ON_ERROR_STOP=1 --file=deploy/postgres/logins.sql "postgres://…"
\getenv writer_password WRITER_PASSWORD
\getenv reader_password READER_PASSWORD

do $$
begin
  -- What these two may do `sluice migrate` says (sql/access.sql); it makes them where they are missing.
  if to_regrole('sluice_writer') is null then create role sluice_writer nologin; end if;
  if to_regrole('sluice_reader') is null then create role sluice_reader nologin; end if;
  if to_regrole('sluice_sink') is null then create role sluice_sink login in role sluice_writer; end if;
  if to_regrole('sluice_analyst') is null then create role sluice_analyst login in role sluice_reader; end if;
end
$$;
alter role sluice_sink password :'writer_password';
alter role sluice_analyst password :'reader_password';
