#!/bin/sh
# Runs once, when the database's volume is empty: the service gets a role of its own that owns its database and is no
# superuser.
set -eu
psql -v ON_ERROR_STOP=1 --no-psqlrc -U postgres -d postgres -v password="$(cat /run/secrets/db_password)" <<'SQL'
CREATE ROLE tinhnguyen LOGIN PASSWORD :'password';
CREATE DATABASE tinhnguyen OWNER tinhnguyen;
REVOKE ALL ON DATABASE tinhnguyen FROM PUBLIC;
SQL
